#!/usr/bin/env bash
# Training speed of a preset against the same model in PyTorch on the same cores, in one run. First every way that the twin knows to
# compute its experts is tried, and the fastest is kept; then the two programs take turns, so that other work on the machine slows both.
# Prints medians; fails when peer-cli is the slower one.
#
#   bash tests/bench/model_speed.sh                      the English that cli/demo.sh finds on this machine
#   STEPS=100 ROUNDS=3 THREADS=2 bash tests/bench/model_speed.sh TEXT_OR_DIRECTORY
#   PRESET=small bash ...                                tiny, small or base; BATCH=4: windows of a step
#   PRESET=base SIDE=256 bash ...                        with SIDE * SIDE experts a layer instead of the preset's
#   PRECISION=bf16 bash ...                              both in bf16: peer-cli's --precision, PyTorch's autocast
#   TWIN='--experts bag --sparse --compile' bash ...     no search: this twin
# What a preset takes of memory, and of disk under TMPDIR: peer-cli init POOL --preset NAME --dry-run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cli=${PEER_CLI:-$PWD/build/release/cli/peer-cli}
preset=${PRESET:-tiny}
# search_steps, search_warm_up: of each way in the search. `dense` multiplies by every expert of a layer: only tiny has few enough. All of
# base's experts with a gradient and two moments each are more memory than most machines have, so only --sparse is tried there.
case $preset in
  tiny) default_steps=100 search_steps=16 search_warm_up=6 mixes='bag gather dense' gradients=('' --sparse) ;;
  small) default_steps=20 search_steps=8 search_warm_up=3 mixes='bag gather' gradients=('' --sparse) ;;
  base) default_steps=6 search_steps=4 search_warm_up=2 mixes='bag gather' gradients=(--sparse) ;;
  *) echo "model_speed: PRESET: expected tiny, small or base, found '$preset'" >&2; exit 2 ;;
esac
steps=${STEPS:-$default_steps} rounds=${ROUNDS:-3} threads=${THREADS:-$(nproc)} batch=${BATCH:-16} precision=${PRECISION:-fp32}
side=${SIDE:+--peer-side $SIDE}
[[ $precision == fp32 || $precision == bf16 ]] || { echo "model_speed: PRECISION: expected fp32 or bf16, found '$precision'" >&2; exit 2; }
for setting in "STEPS $steps 2" "ROUNDS $rounds 1" "THREADS $threads 1" "BATCH $batch 1" ${SIDE:+"SIDE $SIDE 1"}; do
  read -r name value least <<<"$setting"
  [[ $value =~ ^[1-9][0-9]{0,8}$ && $value -ge $least ]] && continue
  echo "model_speed: $name: expected a whole number of at least $least, found '$value'" >&2
  exit 2
done
python=$(bash tests/bench/peers/setup_torch.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

text=${1:-$work/text/english}
[[ $# -gt 0 ]] || bash cli/demo_text.sh "$work/text" >&2

# PyTorch allocates its activations anew at every step; glibc would hand them back to the kernel and fault them in again each time. A way
# that needs more memory than is free fails here: otherwise the kernel would end some process.
torch() (
  ulimit -S -d "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" 2>/dev/null || true  # a lower limit that stands is as good
  export OMP_NUM_THREADS=$threads TORCHINDUCTOR_CACHE_DIR=${TMPDIR:-/tmp}/peer-bench-torch/inductor
  export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456
  # shellcheck disable=SC2086  # an option and its value, or nothing
  "$python" tests/bench/peers/torch_model.py "$text" --preset "$preset" $side --batch "$batch" --threads "$threads" \
    --precision "$precision" "$@" 2>"$work/torch.log" ||
    { tail -n 3 "$work/torch.log" >&2; exit 1; }
)

peer() {
  rm -rf "$work/pool"
  # shellcheck disable=SC2086  # an option and its value, or nothing
  "$cli" init "$work/pool" --preset "$preset" $side >/dev/null
  "$cli" train "$work/pool" --domain text --from "$text" --steps "$steps" --batch "$batch" --threads "$threads" \
    --precision "$precision" --eval-bytes 4k --metrics "$1" --quiet >/dev/null
}

# fastest: the twin's flags with the least work a step, by the CPU clock of one thread: other programs on the machine decide nothing. A
# way that fails (torch.compile without a compiler, no memory) is passed over.
fastest() {
  local experts sparse compile ms
  for experts in $mixes; do
    for sparse in "${gradients[@]}"; do
      for compile in '' --compile; do
        # shellcheck disable=SC2086  # flags
        ms=$(torch --experts $experts $sparse $compile --threads 1 --clock cpu --steps $search_steps --warm-up $search_warm_up |
          sed 's/^{"ms": \([0-9.]*\),.*/\1/') || continue
        echo "  PyTorch, $experts${sparse:+, sparse}${compile:+, compiled}: $ms ms of one core a step" >&2
        echo "$ms --experts $experts $sparse $compile"
      done
    done
  done | sort -n | sed -n '1s/^[^ ]* //p'
}

twin=${TWIN:-$(fastest)}
[[ -n $twin ]] || { echo "model_speed: PyTorch ran in no way" >&2; exit 1; }
for ((round = 1; round <= rounds; ++round)); do
  echo "round $round of $rounds" >&2
  peer "$work/peer.$round.jsonl"
  # shellcheck disable=SC2086  # flags
  torch $twin --steps "$steps" >"$work/torch.$round.json"
done

"$cli" inspect "$work/pool" --json >"$work/peer.json"
context=$(sed -n 's/.*"context": \([0-9]*\),.*/\1/p' "$work/torch.1.json")
echo "$preset preset${SIDE:+, $SIDE x $SIDE experts a layer}, $batch windows of $context bytes, $precision, $threads threads of" \
  "$(sed -n '/^model name/ { s/^[^:]*: //p; q }' /proc/cpuinfo), $rounds rounds of $steps steps, load $(cut -d' ' -f1 /proc/loadavg)"
"$python" tests/bench/peers/speed_table.py "$work"
