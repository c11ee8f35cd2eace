#!/usr/bin/env bash
# Builds everything for 64-bit ARM and runs its tests on an emulated processor, an ARMv8.0 without extensions (preset aarch64).
#
#   tests/aarch64.sh [arguments for ctest]    every test; -R pool for those whose name matches
#   tests/aarch64.sh quick                    builds and runs the tests of ops and devices alone: a few minutes
#
# The libraries are Debian's packages for arm64, in build/aarch64-sysroot: beside those of this machine not all of them could be installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ ${PEER_SKIP_SETUP:-0} == 1 ]] || bash setup.sh g++-aarch64-linux-gnu qemu-user
bash tests/aarch64_sysroot.sh "$PWD/build/aarch64-sysroot"

targets=(all)
if [[ ${1:-} == quick ]]; then
  shift
  targets=(test_ops test_device)
  set -- -R '^(ops_portable|device)$' "$@"
fi
cmake --preset aarch64
cmake --build --preset aarch64 --target "${targets[@]}"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}  # emulated threads that spin take the cores from those that work
ctest --preset aarch64 "$@"
