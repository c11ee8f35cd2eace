#!/usr/bin/env bash
# The loss of training in bf16 against that in fp32, beside what another seed changes: the tiny preset, two seeds in both precisions.
# Prints training loss in bits a byte (means over a tenth of the steps), the evaluation of the trained models (always in fp32), and the time
# of a step. WHAT=rows: not the products but the experts' rows are bf16.
#
#   bash tests/bench/precision.sh TEXT_OR_DIRECTORY
#   STEPS=60 THREADS=1 bash tests/bench/precision.sh novel_en/train.jsonl.zst
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cli=${PEER_CLI:-$PWD/build/release/cli/peer-cli}
text=${1:?precision.sh: expected a text to train on} steps=${STEPS:-60} threads=${THREADS:-1} what=${WHAT:-products}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for seed in 1 2; do
  for precision in fp32 bf16; do
    run=$work/$precision.$seed
    case $what in
      products) init=() train=(--precision $precision) ;;
      rows) init=(--peer-rows $precision) train=() ;;
      *) echo "precision.sh: WHAT is products or rows, not '$what'" >&2; exit 2 ;;
    esac
    "$cli" init "$run" --preset tiny --seed $seed "${init[@]}" --quiet >/dev/null
    "$cli" train "$run" --domain text --from "$text" --steps "$steps" --threads "$threads" --seed $seed "${train[@]}" \
      --metrics "$run.jsonl" --quiet --json >"$run.json"
  done
done

# The number that follows a key, a line each.
values() { sed -n "s/.*\"$2\": *\([0-9.e+-]*\).*/\1/p" "$1"; }
for run in fp32.1 fp32.2 bf16.1 bf16.2; do
  values "$work/$run.jsonl" bits_per_byte >"$work/$run.loss"
  values "$work/$run.json" text >"$work/$run.held"
  values "$work/$run.jsonl" seconds | tail -n 1 >"$work/$run.seconds"
done

echo "$what in fp32 and bf16: tiny preset, $steps steps, $threads thread(s) of $(sed -n '/^model name/ { s/^[^:]*: //p; q }' /proc/cpuinfo), load $(cut -d' ' -f1 /proc/loadavg)"
line='{ printf "%-10s  %8.4f  %8.4f  %8.4f  %8.4f  %+12.4f  %+12.4f  %+12.4f\n", label, $1, $2, $3, $4, $3 - $1, $4 - $2, $2 - $1 }'
printf '%-10s  %8s  %8s  %8s  %8s  %12s  %12s  %12s\n' steps 'fp32 s1' 'fp32 s2' 'bf16 s1' 'bf16 s2' 'bf16-fp32 s1' 'bf16-fp32 s2' 'fp32 s2-s1'
paste "$work"/{fp32.1,fp32.2,bf16.1,bf16.2}.loss | awk -v steps="$steps" '
  { for (i = 1; i <= 4; ++i) sum[i] += $i; ++n }
  NR % (steps > 9 ? int(steps / 10) : 1) == 0 {
    for (i = 1; i <= 4; ++i) { mean[i] = sum[i] / n; sum[i] = 0 }
    label = (NR - n + 1) "-" NR; n = 0
    printf "%-10s  %8.4f  %8.4f  %8.4f  %8.4f  %+12.4f  %+12.4f  %+12.4f\n", label, mean[1], mean[2], mean[3], mean[4],
      mean[3] - mean[1], mean[4] - mean[2], mean[2] - mean[1] }'
paste "$work"/{fp32.1,fp32.2,bf16.1,bf16.2}.held | awk -v label='held out' "$line"
paste "$work"/{fp32.1,fp32.2,bf16.1,bf16.2}.seconds | awk -v n="$steps" '
  { printf "ms a step   %8.1f  %8.1f  %8.1f  %8.1f   bf16 is %.2f times as fast\n", 1e3 * $1 / n, 1e3 * $2 / n, 1e3 * $3 / n, 1e3 * $4 / n, ($1 + $2) / ($3 + $4) }'
