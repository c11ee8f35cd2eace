#!/usr/bin/env bash
# Builds and runs a suite of continual-learning runs: methods x orders x seeds from one YAML file. Whatever stops it, the same command
# goes on where it stopped, and then prints the tables.
#
#   bash tests/bench/continual/run.sh tests/bench/continual/demo.yaml --results DIR       a minute or two, on text of this machine
#   CORPORA=DIR bash tests/bench/continual/run.sh tests/bench/continual/s6.yaml --results DIR [--figures strategies] [--tables]
#   bash tests/bench/continual/run.sh --help
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
preset=${PRESET:-release}
[[ -f $root/build/$preset/build.ninja ]] || (cd "$root" && cmake --preset "$preset" >/dev/null)
cmake --build "$root/build/$preset" --target continual_suite >/dev/null

# The demo's text, unless there are corpora already.
if [[ -z ${CORPORA:-} && ${1:-} == *demo.yaml ]]; then
  export CORPORA=${TMPDIR:-/tmp}/peer-continual-demo-text
  [[ -d $CORPORA/perl ]] || DEMO_TEXT_BYTES=600000 bash "$root/cli/demo_text.sh" "$CORPORA" >&2
fi
exec "$root/build/$preset/tests/bench/continual/continual_suite" "$@"
