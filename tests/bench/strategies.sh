#!/usr/bin/env bash
# Learns the same domains in the same order with one strategy after the other, for the same steps, and prints one line a strategy: how
# well the new domains were learnt, how much of the old was forgotten, and the final average. The base is trained once; strategies that
# need something measured after it (importances, reservoirs) get a base of the same weights with that beside it.
#
#   bash tests/bench/strategies.sh                                        English, C++, Perl of this machine (as cli/demo.sh finds them)
#   bash tests/bench/strategies.sh a=DIR_OR_FILE b=... c=...              any domains, the first trains the base
#   STRATEGIES='grow;replay --replay 0.5' STEPS=400 EVAL=64k RESULTS=DIR bash tests/bench/strategies.sh ...
#                                                                         RESULTS: kept between runs; what is there is not run again
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cli=${PEER_CLI:-$PWD/build/release/cli/peer-cli}
steps=${STEPS:-300}
evaluated=${EVAL:-32k}
preset=${PRESET:-tiny}
IFS=';' read -r -a strategies <<<"${STRATEGIES:-grow;extend;lora;olora;naive;replay;replay --replay 0.05;joint;agem;l2sp;ewc;online-ewc;si;mas;lwf;smf;interpolate;ema;grow-unfrozen;frozen-trunk}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=${RESULTS:-$work/results}
mkdir -p "$results"

if [[ $# -eq 0 ]]; then
  bash cli/demo_text.sh "$work/text" >&2
  set -- english="$work/text/english" cpp="$work/text/cpp" perl="$work/text/perl"
fi
common=(--steps "$steps" --eval-bytes "$evaluated" --quiet)
run() { "$cli" "$@" >>"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; exit 1; }; }

for strategy in "${strategies[@]}"; do
  csv="$results/${strategy// /_}.csv"
  [[ -s $csv ]] && continue
  read -r -a words <<<"$strategy"
  pool="$work/pool"
  rm -rf "$pool"
  echo "$strategy" >&2
  SECONDS=0
  run init "$pool" --preset "$preset"
  run train "$pool" --domain "${1%%=*}" --from "${1#*=}" "${common[@]}" --strategy "${words[@]}"
  for domain in "${@:2}"; do
    run stream "$pool" --domain "${domain%%=*}" --from "${domain#*=}" "${common[@]}" --strategy "${words[@]}"
  done
  run forgetting "$pool" --csv "$work/matrix.csv"
  { cat "$work/matrix.csv"; echo "seconds,$SECONDS,,,"; } >"$csv"
done

echo "$steps steps a stage, $evaluated bytes of each domain scored, preset $preset; order: $(printf '%s ' "${@%%=*}")"
for strategy in "${strategies[@]}"; do printf '%s\t%s\n' "$strategy" "$results/${strategy// /_}.csv"; done |
  awk -F'\t' '
    # The matrix has a line a cell: domain,stage,bits per byte,low,high. A domain'\''s own stage bears its name.
    function read_matrix(file,   line, cell, domain) {
      split("", own); split("", last); split("", best); split("", order); count = 0
      while ((getline line < file) > 0) {
        split(line, cell, ",")
        if (cell[1] == "seconds") { seconds = cell[2]; continue }
        if (cell[1] == "domain" || cell[3] == "") continue
        domain = cell[1]
        if (!(domain in last)) order[++count] = domain
        if (domain in last && (!(domain in best) || last[domain] < best[domain])) best[domain] = last[domain]
        if (domain == cell[2]) own[domain] = cell[3]
        last[domain] = cell[3]
      }
      close(file)
    }
    BEGIN { printf "%-22s %10s %12s %12s %10s %8s\n", "strategy", "new", "forgot mean", "forgot max", "average", "seconds" }
    {
      read_matrix($2)
      learnt = forgot = average = 0; most = -99
      for (i = 1; i <= count; ++i) {
        d = order[i]
        average += last[d] / count
        if (i > 1) learnt += own[d] / (count - 1)
        if (i == count) continue
        f = last[d] - best[d]
        forgot += f / (count - 1)
        if (f > most) most = f
      }
      printf "%-22s %10.3f %+12.4f %+12.4f %10.3f %8d\n", $1, learnt, forgot, most, average, seconds
    }
    END { print "bits per byte. new: domains after the first, right after their own stage; forgot: older domains, at the end, above their best before" }'
