#!/usr/bin/env bash
# Training speed of the tiny preset against the same model in PyTorch on the same cores, in one run. First every way that the twin knows
# to compute its experts is tried, and the fastest is kept; then the two programs take turns, so that other work on the machine slows
# both. Prints medians; fails when peer-cli is the slower one.
#
#   bash tests/bench/tiny_speed.sh                       the English that cli/demo.sh finds on this machine
#   STEPS=100 ROUNDS=3 THREADS=2 bash tests/bench/tiny_speed.sh TEXT_OR_DIRECTORY
#   TWIN='--experts bag --compile' bash ...              no search: this twin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cli=${PEER_CLI:-$PWD/build/release/cli/peer-cli}
steps=${STEPS:-100} rounds=${ROUNDS:-3} threads=${THREADS:-$(nproc)}
python=$(bash tests/bench/peers/setup_torch.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

text=${1:-$work/text/english}
[[ $# -gt 0 ]] || bash cli/demo_text.sh "$work/text" >&2

# PyTorch allocates its activations anew at every step; glibc would hand them back to the kernel and fault them in again each time.
torch() {
  OMP_NUM_THREADS=$threads MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456 \
    TORCHINDUCTOR_CACHE_DIR=${TMPDIR:-/tmp}/peer-bench-torch/inductor \
    "$python" tests/bench/peers/torch_tiny.py "$text" --threads "$threads" "$@" 2>"$work/torch.log" ||
    { tail -n 3 "$work/torch.log" >&2; return 1; }
}

peer() {
  rm -rf "$work/pool"
  "$cli" init "$work/pool" --preset tiny >/dev/null
  "$cli" train "$work/pool" --domain text --from "$text" --steps "$steps" --threads "$threads" --metrics "$1" --quiet >/dev/null
}

# fastest: the twin's flags with the least work a step, by the CPU clock of one thread: other programs on the machine decide nothing. A
# way that fails (torch.compile without a compiler) is passed over.
fastest() {
  local experts compile ms
  for experts in bag gather dense; do
    for compile in '' --compile; do
      ms=$(torch --experts $experts $compile --threads 1 --clock cpu --steps 16 --warm-up 6 | sed 's/^{"ms": \([0-9.]*\),.*/\1/') || continue
      echo "  PyTorch, $experts${compile:+, compiled}: $ms ms of one core a step" >&2
      echo "$ms --experts $experts $compile"
    done
  done | sort -n | sed -n '1s/^[^ ]* //p'
}

twin=${TWIN:-$(fastest)}
[[ -n $twin ]] || { echo "tiny_speed: PyTorch ran in no way" >&2; exit 1; }
for ((round = 1; round <= rounds; ++round)); do
  echo "round $round of $rounds" >&2
  peer "$work/peer.$round.jsonl"
  # shellcheck disable=SC2086  # flags
  torch $twin --steps "$steps" >"$work/torch.$round.json"
done

"$cli" inspect "$work/pool" --json >"$work/peer.json"
echo "tiny preset, 16 windows of 128 bytes, fp32, $threads threads of $(sed -n '/^model name/ { s/^[^:]*: //p; q }' /proc/cpuinfo)," \
  "$rounds rounds of $steps steps, load $(cut -d' ' -f1 /proc/loadavg)"
"$python" tests/bench/peers/speed_table.py "$work"
