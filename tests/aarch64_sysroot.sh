#!/usr/bin/env bash
# Unpacks Debian's arm64 packages of the libraries that setup.sh names, and of all that they depend on, down to libc:
#
#   tests/aarch64_sysroot.sh DIRECTORY
#
# Nothing is installed and no root is needed. What a package does when it is installed is left out: headers and libraries need none of it.
set -euo pipefail
sysroot=${1:?usage: tests/aarch64_sysroot.sh DIRECTORY}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t libraries < <(bash setup.sh --libraries)
[[ $(cat "$sysroot/libraries" 2>/dev/null) != "${libraries[*]}" ]] || exit 0

new=$sysroot.new apt=$sysroot.apt log=$sysroot.log
echo "aarch64: unpacking libraries into $sysroot" >&2
rm -rf "$sysroot" "$new" "$apt"
mkdir -p "$new" "$apt/state/lists/partial" "$apt/cache/archives/partial"
exec 3>&2 >"$log" 2>&1
trap 'tail -n 15 "$log" >&3; echo "aarch64: no libraries; the last words of $log are above" >&3' ERR

# apt with lists, cache and state of its own, in which no package is there yet.
: >"$apt/status"
private=(-q -o Dpkg::Use-Pty=0 -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Debug::NoLocking=true
  -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache")
apt-get "${private[@]}" update
apt-get "${private[@]}" install --yes --no-install-recommends --download-only "${libraries[@]}"
for package in "$apt"/cache/archives/*.deb; do dpkg -x "$package" "$new"; done

# Links that begin at the root would lead out of it.
find "$new" -type l -lname '/*' -printf '%P\t%l\n' | while IFS=$'\t' read -r link target; do
  ln -sfn "$(realpath -m -s --relative-to="$(dirname "/$link")" "$target")" "$new/$link"
done
rm -rf "$apt"
echo "${libraries[*]}" >"$new/libraries"
mv "$new" "$sysroot"
