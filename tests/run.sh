#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.   tests/run.sh [--preset NAME] [arguments for ctest, e.g. -R pool]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
if [[ ${1:-} == --preset ]]; then
  [[ $# -ge 2 ]] || { echo "tests/run.sh: --preset needs a name: release, dev, cuda, asan or tsan" >&2; exit 2; }
  preset=$2
  shift 2
fi

[[ ${PEER_SKIP_SETUP:-0} == 1 ]] || bash setup.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
# Two tests at a time share the cores: threads that spin while they wait would slow each other many times.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
ctest --preset "$preset" "$@"
