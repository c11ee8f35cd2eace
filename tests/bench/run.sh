#!/usr/bin/env bash
# The PEER layer against the limits of this machine, measured in turn in the same process, and against PyTorch where it is installed.
#
#   tests/bench/run.sh [quick]   under a minute; exit code 1 when a line is beyond its bound (about half of what a quiet machine reaches)
#   tests/bench/run.sh full      every line (12 GB of memory, several minutes), then a step of PyTorch at a million experts
#   tests/bench/run.sh growth    forward time by the number of experts, and growing a pool that trains
#   tests/bench/run.sh live      the latter alone (7 GB of memory)
#   tests/bench/run.sh rows      experts' rows of bf16 against fp32, at a million experts (11 GB of memory)
#   tests/bench/run.sh disk      rows of a mapped pool that are not in memory (512 MiB of disk under TMPDIR)
#   tests/bench/run.sh generate  a token of each preset, with key-value caches (7 GB of memory)
#   tests/bench/run.sh token     the time of each op in such a token
#   tests/bench/run.sh pool      commit, opening and rollback of pools (5 GB of disk under TMPDIR)
#   tests/bench/run.sh precision the linear maps' products in bf16 against fp32
#   tests/bench/run.sh attention attention and its backward, fp32 and bf16, against the fp32 GEMM
#   tests/bench/run.sh packed    what packing the weights of frozen maps ahead would gain
#   tests/bench/run.sh profile   the time of each op in a step
#
# Lines of one thread are in CPU time of that thread, so that other programs lengthen them only through the memory that all share; lines of
# two threads are in wall time. Medians over rounds; ratios within a round.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
form=${1:-quick}
preset=${PRESET:-release}
bench=build/$preset/tests/bench/peer_bench

[[ -f build/$preset/build.ninja ]] || cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target peer_bench >/dev/null
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-3000}  # as peer-cli does: threads that wait leave their core soon

echo "$(sed -n '/^model name/ { s/^[^:]*: //p; q }' /proc/cpuinfo), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(date -I)"
if [[ $form == pool ]]; then
  cmake --build --preset "$preset" --target pool_bench >/dev/null
  exec "build/$preset/tests/bench/pool_bench"
fi
"$bench" "$form"
[[ $form == full ]] || exit 0
"$bench" memory
"$bench" generate

python=${TMPDIR:-/tmp}/peer-bench-torch/venv/bin/python
if ! "$python" -c 'import torch, PEER_pytorch' 2>/dev/null; then
  echo "no PyTorch with PEER-pytorch here: no ratios to the peers (tests/bench/peers/setup_torch.sh PEER-pytorch installs both)"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# PyTorch allocates anew at every step; glibc would hand the memory back to the kernel and fault it in again each time.
torch() {
  MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 OMP_NUM_THREADS=1 "$python" tests/bench/peers/torch_peer.py "$@"
}
"$bench" step >"$work/lines"
torch hand --steps 7 >"$work/torch"
torch lucid --steps 2 >>"$work/torch"
"$bench" step >>"$work/lines"
torch hand --tokens 32 --steps 7 >>"$work/torch"
torch lucid --tokens 32 --steps 2 >>"$work/torch"
"$bench" step >>"$work/lines"
"$python" tests/bench/peers/peer_ratios.py "$work/lines" "$work/torch"
