#!/usr/bin/env bash
# Every C++ file is as .clang-format wants it.   format.sh ROOT [--fix]     Exit code 77: not checked, and why.
set -euo pipefail
cd "$1"

if ! command -v clang-format >/dev/null; then
  echo "skipped: clang-format is not installed"
  exit 77
fi
# Versions differ in details; the files are written with the one of Debian 12.
if ! clang-format --version | grep -q 'version 14\.'; then
  echo "skipped: the files are formatted with clang-format 14, and this is $(clang-format --version)"
  exit 77
fi

format() {
  find peer pool streams trainer cli tests \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 | xargs -0 -r clang-format "$@"
}
if [[ ${2:-} == --fix ]]; then
  format -i
  exit
fi
if ! report=$(format --dry-run --Werror 2>&1); then
  grep -o '^[^ :]*:[0-9]*:[0-9]*: error: .*' <<<"$report" | cut -d: -f1 | sort | uniq -c || echo "$report"
  echo "these files (with the number of places) are not formatted; to format them: cmake --build build/release --target format"
  exit 1
fi
