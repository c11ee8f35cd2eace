#!/usr/bin/env bash
# Learns domains one after the other twice, with --strategy grow and with --strategy naive from the same trained base, for the same
# steps, and prints what each forgot and how well each learnt. Fails when grow forgets more than 0.01 bits per byte of an old domain, or
# learns a new one more than 5 % worse than naive fine-tuning of the whole model.
#
#   bash tests/bench/continual.sh                                   English, C++, Perl of this machine (as cli/demo.sh finds them)
#   bash tests/bench/continual.sh a=DIR_OR_FILE b=... c=...         any domains, the first trains the base
#   STEPS=400 INIT='--preset tiny' TRAIN='' bash tests/bench/continual.sh ...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cli=${PEER_CLI:-$PWD/build/release/cli/peer-cli}
steps=${STEPS:-400}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ $# -eq 0 ]]; then
  bash cli/demo_text.sh "$work/text" >&2
  set -- english="$work/text/english" cpp="$work/text/cpp" perl="$work/text/perl"
fi

read -r -a init <<<"${INIT:---preset tiny}"
read -r -a train <<<"${TRAIN:-}"
stage() { "$cli" "$@" --steps "$steps" "${train[@]}" --quiet >>"$work/log" || { tail -n 3 "$work/log" >&2; exit 1; }; }

"$cli" init "$work/grow" "${init[@]}" >"$work/init"
stage train "$work/grow" --domain "${1%%=*}" --from "${1#*=}"
cp -r "$work/grow" "$work/naive"
for strategy in grow naive; do
  for domain in "${@:2}"; do
    echo "$strategy: ${domain%%=*}" >&2
    stage stream "$work/$strategy" --domain "${domain%%=*}" --from "${domain#*=}" --strategy "$strategy"
  done
  "$cli" forgetting "$work/$strategy" --csv "$work/$strategy.csv" >"$work/$strategy.txt"
done

head -n 2 "$work/init"
echo "$steps steps a stage, ${init[*]} ${train[*]}"
for strategy in grow naive; do printf '\n--strategy %s\n' "$strategy"; cat "$work/$strategy.txt"; done
# The matrix has a line a cell: domain,stage,bits per byte,low,high. A domain's own stage bears its name.
awk -F, '
  FNR == 1 { run = FILENAME; sub(/.*\//, "", run); sub(/\.csv$/, "", run); next }
  !($1 in seen) { seen[$1] = 1; order[++count] = $1 }
  $1 == $2 { own[run, $1] = $3 }
  { last[run, $1] = $3 }
  END {
    printf "\n%-12s %10s %10s %8s   %16s %16s\n", "domain", "grow", "naive", "gap", "grow forgot", "naive forgot"
    for (i = 1; i <= count; ++i) {
      d = order[i]
      gap = i > 1 ? 100 * (own["grow", d] / own["naive", d] - 1) : 0
      forgot = last["grow", d] - own["grow", d]
      printf "%-12s %10.4f %10.4f %+7.2f%%   %+16.4f %+16.4f\n", d, own["grow", d], own["naive", d], gap, forgot, last["naive", d] - own["naive", d]
      if (gap > 5 || forgot > 0.01) failed = 1
    }
    print "bits per byte; loss right after the domain'\''s own stage, and how much was lost until the last"
    print failed ? "FAILED: a gap above 5 % or more than 0.01 bits per byte forgotten" : "within bounds: gaps at most 5 %, at most 0.01 bits per byte forgotten"
    exit failed
  }' "$work/grow.csv" "$work/naive.csv"
