#!/usr/bin/env bash
# What only a GPU can show, in one call and without a network: builds for the card that is there; holds the CUDA twin of every op against
# its CPU twin, and a training run against the same run on the CPU (loss curve, picks, the same bits twice); lets compute-sanitizer watch;
# measures. Prints a table last; exits with 1 when a line failed, with 77 where there is no GPU.
#
#   bash tests/gpu.sh
#   PEER_DEPS=FOLDER bash tests/gpu.sh     include/ and lib/ of fmt, xxHash, oneDNN (which asks for libOpenCL.so.1) and Catch2, where the
#                                          machine has none; as a distribution lays them out, lib/x86_64-linux-gnu too
#   PEER_POOL=ON bash tests/gpu.sh         whole stages with every strategy too; asks for HDF5, RocksDB and the other packages of setup.sh
#   SECONDS_IN_ALL=540                     what is not over by then is stopped, and says so; OUT=FOLDER: the logs go there as well
#
# Needs nvcc, cmake, ninja and a C++ compiler; without PEER_POOL neither HDF5 nor RocksDB nor Boost: peer/ builds without them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -d /usr/local/cuda/bin ]] && PATH=$PATH:/usr/local/cuda/bin
if ! card=$(nvidia-smi --query-gpu=name,compute_cap,memory.total --format=csv,noheader 2>/dev/null | sed -n 1p) || [[ -z $card ]]; then
  echo "gpu.sh: no GPU here; nothing was built and nothing was shown"
  exit 77
fi
architecture=$(cut -d, -f2 <<<"$card" | tr -d ' .')
build=build/gpu
log=$build/gpu.log
mkdir -p "$build"
: >"$log"
if [[ -n ${PEER_DEPS:-} ]]; then
  deps=$(realpath "$PEER_DEPS")  # the compiler runs in another folder
  libraries=$deps/lib:$deps/lib/x86_64-linux-gnu
  export CMAKE_PREFIX_PATH=$deps CPATH=$deps/include LIBRARY_PATH=$libraries LD_LIBRARY_PATH=$libraries:${LD_LIBRARY_PATH:-}
fi

rows=()
failed=0
# line NAME COMMAND...: runs it into the log, and says and remembers how it ended, how long it took, and the last line that it wrote.
line() {
  local name=$1 began=$SECONDS code=0 said verdict=passed left=$((${SECONDS_IN_ALL:-540} - SECONDS))
  shift
  echo "== $name: $*" >>"$log"
  timeout --kill-after 5 "$((left > 1 ? left : 1))" "$@" >"$build/$name.log" 2>&1 || code=$?
  cat "$build/$name.log" >>"$log"
  said=$(grep -v '^ *$' "$build/$name.log" | tail -n 1 | cut -c1-90 || true)  # it may have said nothing
  case $code in
    0) ;;
    124 | 137) verdict='no time' ;;
    *) verdict=FAILED ;;
  esac
  rows+=("$(printf '%-12s %-7s %5d s  %s' "$name" "$verdict" $((SECONDS - began)) "$said")")
  echo "${rows[-1]}"
  [[ -z ${OUT:-} ]] || cp "$build/$name.log" "$OUT/"
  [[ $code == 0 ]] || { failed=1; tail -n 30 "$build/$name.log"; }
}

line configure cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DPEER_POOL=${PEER_POOL:-OFF}" -DPEER_CUDA=ON \
  "-DCMAKE_CUDA_ARCHITECTURES=$architecture"
line build cmake --build "$build" --target test_ops device_tests gpu_bench
export PEER_TEST_DEVICE=cuda
line cpu_ops "$build/tests/ops/test_ops"
line device "$build/tests/device/test_device"
line parity "$build/tests/ops/test_cuda_parity"
line parity_again "$build/tests/ops/test_cuda_parity"
line training "$build/tests/model/test_device_training"
[[ ${PEER_POOL:-OFF} == ON ]] && line stages "$build/tests/trainer/test_device_run"
line bench "$build/tests/bench/gpu_bench" full  # before the sanitizer: it is what the time must be left for
if command -v compute-sanitizer >/dev/null; then
  line memcheck compute-sanitizer --error-exitcode 1 "$build/tests/ops/test_cuda_parity"
  # Errors alone, of this project's kernels: cuBLAS and CUB are known for hazards that are none.
  line racecheck compute-sanitizer --tool racecheck --racecheck-detect-level error --kernel-regex kns=peer --error-exitcode 1 \
    "$build/tests/ops/test_cuda_parity"
  line memcheck_run compute-sanitizer --error-exitcode 1 "$build/tests/model/test_device_training"
else
  rows+=("$(printf '%-12s %-7s          %s' sanitizer skipped 'no compute-sanitizer here')")
fi

printf '\n%s, %s\n' "$card" "$(date -u +%F)"
grep 'loss differs' "$build/training.log" || true
cat "$build/bench.log"
echo
printf '%s\n' "${rows[@]}"
exit "$failed"
