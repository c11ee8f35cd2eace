#!/usr/bin/env bash
# What predicting with the mixture costs, on texts of one's own: for each text the loss of the full mixture (--guess 0) and of a
# guessed one, the view-windows read over those of one view, and the processor time of both over that of the newest view alone.
#
#   bash tests/bench/mixture_cost.sh POOL NAME=TEXT...             e.g. law=law.jsonl.zst
#   GUESS='0.03 0.1' bash tests/bench/mixture_cost.sh ...        thresholds to compare
#   BYTES=64k THREADS=2 ...                                        how much of each text (1M); one thread measures best
set -euo pipefail
cli=${PEER_CLI:-"$(dirname "${BASH_SOURCE[0]}")/../../build/release/cli/peer-cli"}
[[ $# -ge 2 ]] || { sed -n '2,8p' "${BASH_SOURCE[0]}" >&2; exit 2; }
pool=$1
TIMEFORMAT=%U

# Prints "bits_per_byte views_read seconds" of one evaluation.
evaluate() {
  local out seconds
  out=$(mktemp)
  seconds=$({ time "$cli" eval "$pool" --threads "${THREADS:-1}" --eval-bytes "${BYTES:-1M}" --quiet --json "$@" >"$out"; } 2>&1)
  awk -v s="$seconds" -F'[:,]' '/"bits_per_byte"/ { b = $2 } /"views_read"/ { v = $2 } END { print b + 0, v + 0, s }' "$out"
  rm "$out"
}

printf '%-16s %8s %10s %10s %11s %10s\n' text guess bits/byte difference 'views read' time
for text in "${@:2}"; do
  read -r _ _ one < <(evaluate --from "${text#*=}" --view head)
  read -r full views seconds < <(evaluate --from "${text#*=}" --guess 0)
  awk -v n="${text%%=*}" -v b="$full" -v v="$views" -v s="$seconds" -v o="$one" \
    'BEGIN { printf "%-16s %8s %10.4f %10s %11.2f %10.2f\n", n, 0, b, "", v, s / o }'
  for guess in ${GUESS:-0.03}; do
    read -r bits views seconds < <(evaluate --from "${text#*=}" --guess "$guess")
    awk -v n="${text%%=*}" -v p="$guess" -v b="$bits" -v f="$full" -v v="$views" -v s="$seconds" -v o="$one" \
      'BEGIN { printf "%-16s %8s %10.4f %+10.4f %11.2f %10.2f\n", n, p, b, b - f, v, s / o }'
  done
done
