#!/usr/bin/env bash
# What only a GPU can show, in one call and without a network: builds for the card that is there, holds the CUDA twin of every op against
# its CPU twin (twice: the same bits), and lets compute-sanitizer watch. Prints a table last; exits with 1 when a line failed, with 77
# where there is no GPU.
#
#   bash tests/gpu.sh
#   PEER_DEPS=FOLDER bash tests/gpu.sh     include/ and lib/ of fmt, xxHash, oneDNN and Catch2, where the machine has none
#
# Needs nvcc, cmake, ninja and a C++ compiler. HDF5, RocksDB and Boost are not asked for: peer/ builds without them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -d /usr/local/cuda/bin ]] && PATH=$PATH:/usr/local/cuda/bin
if ! card=$(nvidia-smi --query-gpu=name,compute_cap,memory.total --format=csv,noheader 2>/dev/null | head -n 1) || [[ -z $card ]]; then
  echo "gpu.sh: no GPU here; nothing was built and nothing was shown"
  exit 77
fi
architecture=$(cut -d, -f2 <<<"$card" | tr -d ' .')
build=build/gpu
log=$build/gpu.log
mkdir -p "$build"
: >"$log"
if [[ -n ${PEER_DEPS:-} ]]; then
  export CMAKE_PREFIX_PATH=$PEER_DEPS CPATH=$PEER_DEPS/include LIBRARY_PATH=$PEER_DEPS/lib LD_LIBRARY_PATH=$PEER_DEPS/lib:${LD_LIBRARY_PATH:-}
fi

rows=()
failed=0
# line NAME COMMAND...: runs it into the log, and remembers how it ended, how long it took, and the last line that it said.
line() {
  local name=$1 began=$SECONDS code=0 said
  shift
  echo "== $name: $*" >>"$log"
  "$@" >"$build/$name.log" 2>&1 || code=$?
  cat "$build/$name.log" >>"$log"
  said=$(grep -v '^ *$' "$build/$name.log" | tail -n 1 | cut -c1-90)
  rows+=("$(printf '%-12s %-7s %5d s  %s' "$name" "$([[ $code == 0 ]] && echo passed || echo "FAILED")" $((SECONDS - began)) "$said")")
  [[ $code == 0 ]] || { failed=1; tail -n 30 "$build/$name.log"; }
}

configure() {
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPEER_POOL=OFF -DPEER_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$architecture"
}
line configure configure
line build cmake --build "$build" --target test_ops test_device test_cuda_parity
line cpu_ops "$build/tests/ops/test_ops"
line device "$build/tests/device/test_device"
line parity "$build/tests/ops/test_cuda_parity"
line parity_again "$build/tests/ops/test_cuda_parity"
if command -v compute-sanitizer >/dev/null; then
  line memcheck compute-sanitizer --error-exitcode 1 --leak-check full "$build/tests/ops/test_cuda_parity"
  line racecheck compute-sanitizer --tool racecheck --error-exitcode 1 "$build/tests/ops/test_cuda_parity"
else
  rows+=("$(printf '%-12s %-7s          %s' sanitizer skipped 'no compute-sanitizer here')")
fi

printf '\n%s, %s\n' "$card" "$(date -u +%F)"
printf '%s\n' "${rows[@]}"
exit "$failed"
