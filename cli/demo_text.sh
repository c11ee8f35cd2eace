#!/usr/bin/env bash
# Gathers three domains of text that every Debian machine with the build's packages holds:   cli/demo_text.sh DIRECTORY
#   english  licences and copyright notices      cpp  headers of the standard library, Boost and others      perl  Perl's own modules
# One plain file for each source file, the same ones in the same order on the same machine. A paragraph seen before in its domain is
# left out, so that held-out text shares no licence header with the text that was learnt.
set -euo pipefail
export LC_ALL=C

directory=${1:?usage: cli/demo_text.sh DIRECTORY}
budget=${DEMO_TEXT_BYTES:-3000000}
enough=300000
((budget >= enough)) || { echo "demo text: DEMO_TEXT_BYTES is $budget; at least $enough are needed" >&2; exit 2; }

# list ROOT... -- TESTS...: the files under the roots that exist, sorted, one a line.
list() {
  local roots=()
  while [[ $1 != -- ]]; do
    [[ -d $1 ]] && roots+=("$1")
    shift
  done
  shift
  ((${#roots[@]})) && find "${roots[@]}" -type f "$@" | sort
  return 0
}

# Files of one group, numbered in an order of which every prefix is spread evenly over the sorted list (multiples of the golden ratio).
spread() {
  awk '{ printf "%.9f\t%s\n", (NR * 0.61803398875) % 1, $0 }' | sort | awk '{ sub(/^[^\t]*\t/, ""); print NR "\t" $0 }'
}

# take DOMAIN: reads numbered paths, the groups in turn, and copies paragraphs until the budget is spent.
take() {
  mkdir -p "$directory/$1"
  sort -s -n -k1,1 | cut -f2- | awk -v domain="$1" -v out="$directory/$1" -v budget="$budget" -v enough="$enough" '
    function letters_of(text) { gsub(/[^A-Za-z]+/, "", text); return tolower(text) }
    BEGIN {
      per_file = 24000  # bytes: no source fills a domain
      while ((getline path) > 0) paths[++count] = path
      RS = ""
      for (i = 1; i <= count && total < budget; ++i) {
        kept = ""
        while (length(kept) < per_file && (getline paragraph < paths[i]) > 0) {
          if (length(paragraph) > per_file || paragraph ~ /[\001-\010\016-\037\177-\377]/) continue
          key = letters_of(paragraph)
          if (length(key) >= 80 && (key in seen)) continue
          seen[key] = 1
          kept = kept paragraph "\n\n"
        }
        close(paths[i])
        if (length(kept) < 300) continue
        name = substr(paths[i], 2)
        gsub("/", "_", name)
        file = out "/" name ".txt"
        printf "%s", kept > file
        close(file)
        total += length(kept)
        ++taken
      }
      printf "  %-8s %5d of %5d files  %5.2f MB\n", domain, taken, count, total / 1e6
      if (total < enough) {
        printf "demo text: %s: %d bytes under the usual folders, at least %d are needed; ", domain, total, enough > "/dev/stderr"
        print "is this a Debian with its documentation (/usr/share/doc) left out?" > "/dev/stderr"
        exit 1
      }
    }'
}

rm -rf "$directory"
{
  list /usr/share/common-licenses -- | spread
  list /usr/share/doc -- -name copyright | spread
} | take english
{
  list /usr/include/c++ -- ! -name '*.txt' | spread
  list /usr/include/boost -- -name '*.hpp' ! -path '*/preprocess*' | spread
  list /usr/include/hdf5 /usr/include/rocksdb /usr/include/oneapi /usr/include/fmt /usr/include/yaml-cpp /usr/include/catch2 \
    /usr/include/nlohmann -- -name '*.h*' | spread
} | take cpp
{
  # Without the tables of Unicode, which are numbers rather than Perl.
  list /usr/share/perl /usr/share/perl5 /usr/lib/*/perl /usr/lib/*/perl-base /usr/lib/*/perl5 -- \
    \( -name '*.pm' -o -name '*.pl' \) ! -path '*/unicore/*' ! -path '*/Unicode/Collate/*' | spread
} | take perl
