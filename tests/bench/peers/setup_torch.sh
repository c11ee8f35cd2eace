#!/usr/bin/env bash
# Makes a throw-away virtual environment with PyTorch from PyPI and prints the path of its python:   tests/bench/peers/setup_torch.sh
#   TORCH=torch==2.6.0 tests/bench/peers/setup_torch.sh      another version than the newest
#   tests/bench/peers/setup_torch.sh PEER-pytorch            with further packages
# The wheels of x86 do not load without the CUDA libraries that they name, so those come too: 3 GB to download, 6 GB on disk, about a
# minute on a fast line. Remove ${TMPDIR:-/tmp}/peer-bench-torch when done.
set -euo pipefail

environment=${TMPDIR:-/tmp}/peer-bench-torch/venv
python=$environment/bin/python
works() { "$python" -c 'import torch' 2>/dev/null; }

if ! works || [[ -n ${TORCH:-} || $# -gt 0 ]]; then
  python3 -c 'import ensurepip' 2>/dev/null || { echo "setup_torch: python3 has no venv; try: apt-get install python3-venv" >&2; exit 1; }
  python3 -m venv "$environment"
  echo "installing ${TORCH:-torch} into $environment" >&2
  "$python" -m pip install --quiet --no-cache-dir "${TORCH:-torch}" numpy "$@" >&2
  works || { "$python" -c 'import torch' 2>&1 | tail -n 1 >&2; echo "setup_torch: torch does not load; try TORCH=torch==VERSION" >&2; exit 1; }
fi
echo "$python"
