#!/usr/bin/env bash
# What commits in the midst of a stage cost, in two builds of peer-cli that take turns: the same stage on the same text, with a commit every
# few steps, and without for comparison. Prints the time of the training loop and of the whole stage; the ratio of a pair is the second
# build over the first.
#
#   bash tests/bench/commit_overlap.sh CLI_BEFORE CLI_AFTER TEXT
#   PAIRS=5 STEPS=40 EVERY=5 THREADS=2 SHAPE='--preset tiny --peer-side 96' ...
set -euo pipefail
[[ $# -eq 3 ]] || { sed -n '2,8p' "${BASH_SOURCE[0]}" >&2; exit 2; }
before=$1 after=$2 text=$3 pairs=${PAIRS:-5} steps=${STEPS:-40} every=${EVERY:-5} threads=${THREADS:-2}
read -r -a shape <<<"${SHAPE:---preset tiny --peer-side 96}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$before" init "$work/untrained" "${shape[@]}" --seed 1 --quiet >/dev/null

# Prints "seconds of the training loop, seconds of the stage, bytes that the pool grew by".
stage() {
  rm -rf "$work/pool" "$work/metrics" && cp -r "$work/untrained" "$work/pool"
  "$1" train "$work/pool" --domain text --from "$text" --steps "$steps" --threads "$threads" --eval-bytes 4k --seed 1 \
    --checkpoint-every "$2" --metrics "$work/metrics" --quiet --json >"$work/json"
  local loop whole
  loop=$(tail -n 1 "$work/metrics" | sed -n 's/.*"seconds": *\([0-9.e+-]*\).*/\1/p')
  whole=$(sed -n 's/.*"seconds": *\([0-9.e+-]*\).*/\1/p' "$work/json")
  echo "$loop $whole $(du -sk "$work/pool" | cut -f1)"
}

echo "${shape[*]}, $steps steps, a commit every $every, $threads thread(s) of $(sed -n '/^model name/ { s/^[^:]*: //p; q }' /proc/cpuinfo), load $(cut -d' ' -f1 /proc/loadavg)"
printf '%-6s  %10s  %10s  %7s  %10s  %10s  %7s  %10s\n' pair 'loop s' 'loop s' ratio 'stage s' 'stage s' ratio 'no commit'
stage "$after" 0 >/dev/null  # the first run reads the text from the disk
for pair in $(seq "$pairs"); do
  if ((pair % 2)); then first=$(stage "$before" "$every") second=$(stage "$after" "$every"); else second=$(stage "$after" "$every") first=$(stage "$before" "$every"); fi
  echo "$pair $first $second $(stage "$after" 0)"
done | tee "$work/pairs" | awk '
  { printf "%-6s  %10.2f  %10.2f  %7.3f  %10.2f  %10.2f  %7.3f  %10.2f\n", $1, $2, $5, $5 / $2, $3, $6, $6 / $3, $9; fflush() }'
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
printf 'median  ratio of the loops %.3f, of the stages %.3f; no commit over the first build %.3f; MB in the pool %.0f\n' \
  "$(awk '{ print $5 / $2 }' "$work/pairs" | median)" "$(awk '{ print $6 / $3 }' "$work/pairs" | median)" \
  "$(awk '{ print $9 / $3 }' "$work/pairs" | median)" "$(awk '{ print $7 / 1e3 }' "$work/pairs" | median)"
