#!/usr/bin/env bash
# Installs the Debian packages that the build needs and that are not there yet. Does nothing, and needs no network, when all are.
#   setup.sh [PACKAGE...]     with these too
#   setup.sh --libraries      installs nothing and names what the program and its tests are compiled with and linked to
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

libraries=(
  libdnnl-dev                          # matrix products
  libhdf5-dev librocksdb-dev           # the pool's files and its catalogue
  libxxhash-dev libzstd-dev zlib1g-dev liblzma-dev # digests and compressed text
  libboost-program-options-dev libyaml-cpp-dev libfmt-dev
  libsimdjson-dev nlohmann-json3-dev
  libpcre2-dev libutf8proc-dev         # tokenizers
  catch2                               # tests
  libboost-context-dev                 # the simulated GPU of the tests
)
if [[ ${1:-} == --libraries ]]; then
  printf '%s\n' "${libraries[@]}"
  exit 0
fi
packages=(
  g++ cmake ninja-build ccache git     # build
  clang-format                         # tests
  "${libraries[@]}" "$@"
)

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is not a Debian system; the build needs what these packages hold: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "setup: packages are missing, and there is neither root nor sudo here; run this once as root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

mkdir -p build
log=build/setup.log
: >"$log"
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1
}

echo "setup: installing ${missing[*]}" >&2
echo "setup: this takes a few minutes; apt writes to $log" >&2
# A failed update may still leave usable package lists: only a failed install is an error.
apt update || echo "setup: apt-get update failed; going on with the package lists that are here" >&2
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
  tail -n 15 "$log" >&2
  echo "setup: apt-get could not install the packages; its last words are above, all of them in $log" >&2
  exit 1
fi
echo "setup: done in ${SECONDS} s" >&2
