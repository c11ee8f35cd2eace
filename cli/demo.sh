#!/usr/bin/env bash
# The main job on real text that every Debian machine holds: learn English, then C++, then Perl, and forget nothing.
#   DEMO_STEPS=300             steps of each of the three stages
#   DEMO_TEXT_BYTES=3000000    most text taken for a domain
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

steps=${DEMO_STEPS:-300}
demo=build/demo
text=$demo/text
pool=$demo/pool
report=$demo/report.html

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  strong=$'\e[1m' faint=$'\e[2m' plain=$'\e[0m'
else
  strong='' faint='' plain=''
fi

heading() { printf '\n%s%s%s\n' "$strong" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }

# Shows a command as the reader would type it, then runs it.
peer() {
  local word
  printf '%s$ peer-cli' "$faint"
  for word in "$@"; do
    [[ $word == *[!A-Za-z0-9_./~-]* ]] && word=${word@Q}
    printf ' %s' "$word"
  done
  printf '%s\n' "$plain"
  build/release/cli/peer-cli "$@"
}

# The numbers of the head, computed anew and as the program prints them, into a file.
numbers() { build/release/cli/peer-cli eval "$pool" --anew --json >"$1"; }

[[ ${PEER_SKIP_SETUP:-0} == 1 ]] || bash setup.sh
heading "Building"
mkdir -p build
log=build/demo-build.log
build() { cmake --preset release >"$log" 2>&1 && cmake --build --preset release --target peer-cli; }
if [[ -t 1 ]]; then build; else build >>"$log" 2>&1; fi || {
  tail -n 30 "$log" >&2
  echo "demo: the build failed; see the lines above and $log" >&2
  exit 1
}
say "build/release/cli/peer-cli"

SECONDS=0
rm -rf "$pool" "$report"
heading "Text found on this machine"
bash cli/demo_text.sh "$text"

heading "1 of 6   A new pool, and its base trained on English"
peer init "$pool" --preset tiny
peer train "$pool" --domain english --from "$text/english" --steps "$steps" --eval-bytes 32k

heading "2 of 6   Two more domains arrive; each grows experts of its own"
peer stream "$pool" --domain cpp --from "$text/cpp" --steps "$steps" --eval-bytes 32k --reference naive
numbers "$demo/before.json"
peer stream "$pool" --domain perl --from "$text/perl" --steps "$steps" --eval-bytes 32k --reference naive

heading "3 of 6   What was learnt, and what was forgotten: bits per byte on held-out text, domain by stage"
peer forgetting "$pool"

heading "4 of 6   A line from each domain"
peer generate "$pool" --prompt 'Permission is hereby granted' --bytes 160
peer generate "$pool" --prompt $'template <class T>\nclass ' --bytes 160
peer generate "$pool" --prompt $'use strict;\nuse warnings;\n\nsub ' --bytes 160

heading "5 of 6   Back to the state before Perl, and forward again"
peer checkpoint "$pool" --tag demo
peer rollback "$pool" --to head~1
numbers "$demo/after.json"
if cmp -s "$demo/before.json" "$demo/after.json"; then
  say "The numbers of that time came back exactly, to the last digit:"
  cat "$demo/after.json"
else
  echo "demo: the numbers after the rollback differ from those of the time (diff $demo/before.json $demo/after.json)" >&2
  exit 1
fi
peer rollback "$pool" --to demo
peer log "$pool"

heading "6 of 6   The report"
peer forgetting "$pool" --html "$report" >/dev/null
say "$PWD/$report"

heading "Done in $((SECONDS / 60)) min $((SECONDS % 60)) s. What to try next"
cat <<NEXT
  cd $PWD
  export PATH=\$PWD/build/release/cli:\$PATH
  peer-cli stream $pool --domain mine --from my.txt    teach it a text of your own, beside the others
  peer-cli forgetting $pool                            and see that nothing was lost
  peer-cli generate $pool --prompt 'Once upon'         let it write
  peer-cli --help                                                everything else
NEXT
