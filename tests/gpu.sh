#!/usr/bin/env bash
# What only a GPU can show, in one call and without a network: builds for the card that is there; holds the CUDA twin of every op against
# its CPU twin, and a training run against the same run on the CPU (loss curve, picks, the same bits twice); lets compute-sanitizer watch;
# measures. Prints a table last; exits with 1 when a line failed, with 77 where there is no GPU.
#
#   bash tests/gpu.sh
#   PEER_DEPS=FOLDER bash tests/gpu.sh     include/ and lib/ of fmt, xxHash, oneDNN and Catch2, where the machine has none
#   PEER_POOL=ON bash tests/gpu.sh         whole stages with every strategy too; asks for HDF5, RocksDB and the other packages of setup.sh
#
# Needs nvcc, cmake, ninja and a C++ compiler; without PEER_POOL neither HDF5 nor RocksDB nor Boost: peer/ builds without them.
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
  said=$(grep -v '^ *$' "$build/$name.log" | tail -n 1 | cut -c1-90 || true)  # it may have said nothing
  rows+=("$(printf '%-12s %-7s %5d s  %s' "$name" "$([[ $code == 0 ]] && echo passed || echo "FAILED")" $((SECONDS - began)) "$said")")
  [[ $code == 0 ]] || { failed=1; tail -n 30 "$build/$name.log"; }
}

configure() {
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DPEER_POOL=${PEER_POOL:-OFF}" -DPEER_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$architecture"
}
line configure configure
line build cmake --build "$build" --target test_ops device_tests gpu_bench
export PEER_TEST_DEVICE=cuda
line cpu_ops "$build/tests/ops/test_ops"
line device "$build/tests/device/test_device"
line parity "$build/tests/ops/test_cuda_parity"
line parity_again "$build/tests/ops/test_cuda_parity"
line training "$build/tests/model/test_device_training"
[[ ${PEER_POOL:-OFF} == ON ]] && line stages "$build/tests/trainer/test_device_run"
if command -v compute-sanitizer >/dev/null; then
  line memcheck compute-sanitizer --error-exitcode 1 --leak-check full "$build/tests/ops/test_cuda_parity"
  line racecheck compute-sanitizer --tool racecheck --error-exitcode 1 "$build/tests/ops/test_cuda_parity"
  line memcheck_run compute-sanitizer --error-exitcode 1 "$build/tests/model/test_device_training"
else
  rows+=("$(printf '%-12s %-7s          %s' sanitizer skipped 'no compute-sanitizer here')")
fi

line bench "$build/tests/bench/gpu_bench" full

printf '\n%s, %s\n' "$card" "$(date -u +%F)"
grep 'loss differs' "$build/training.log" || true
cat "$build/bench.log"
echo
printf '%s\n' "${rows[@]}"
exit "$failed"
