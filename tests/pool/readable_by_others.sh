#!/usr/bin/env bash
# readable_by_others.sh WRITE_SAMPLE_POOL: a program that knows only HDF5 reads what we wrote. Uses h5py, else h5dump; exits 77 (skipped)
# when there is neither.
set -euo pipefail
here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" "$scratch/pool"

if python3 -c 'import h5py' 2>/dev/null; then
  python3 "$here/readable_by_others.py" "$scratch/pool"
elif command -v h5dump >/dev/null; then
  pages=0
  for file in "$scratch"/pool/shards/*.h5 "$scratch"/pool/trunk/*.h5; do
    h5dump "$file" >"$scratch/dump" || { echo "h5dump cannot read $file"; exit 1; }
    grep -q 'DATASET "experts"' "$scratch/dump" || continue
    pages=$((pages + 1))
    for attribute in what layout format_version block first_id rows width element; do
      grep -q "ATTRIBUTE \"$attribute\"" "$scratch/dump" || { echo "$file: no attribute $attribute"; exit 1; }
    done
  done
  [ "$pages" -eq 5 ] || { echo "expected 5 pages, found $pages"; exit 1; }
  echo "h5dump reads $pages pages"
else
  echo "SKIPPED: neither h5py (python3-h5py) nor h5dump (hdf5-tools) is installed"
  exit 77
fi
