#!/usr/bin/env bash
# A model from elsewhere learns domains one after the other, growing and fine-tuned in place, and is measured on what it knew:
#   tests/bench/continual/imported.sh MODEL_FOLDER KNOWN=PATH DOMAIN=PATH... [-- options of both, e.g. --steps 60 --precision bf16]
# STRATEGIES="grow lora naive" names others; POOLS keeps the pools in that folder. Needs build/release/cli/peer-cli.
set -euo pipefail

usage() { sed -n '2,4p' "$0" >&2; exit 2; }
(($# >= 3)) || usage
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
peer=$root/build/release/cli/peer-cli
model=$1 known=$2
shift 2
domains=()
while (($#)) && [[ $1 != -- ]]; do domains+=("$1"); shift; done
[[ ${1:-} == -- ]] && shift
[[ $known == *=* ]] || usage
for domain in "${domains[@]}"; do [[ $domain == *=* ]] || usage; done

pools=${POOLS:-$(mktemp -d)}
[[ -n ${POOLS:-} ]] || trap 'rm -rf "$pools"' EXIT
mkdir -p "$pools"
for strategy in ${STRATEGIES:-grow naive}; do
  pool=$pools/$strategy
  "$peer" import "$pool" --model "$model" --context "${CONTEXT:-256}" --domain "${known%%=*}" --from "${known#*=}" --eval-bytes 16k >&2
  for domain in "${domains[@]}"; do
    "$peer" stream "$pool" --strategy "$strategy" --domain "${domain%%=*}" --from "${domain#*=}" --eval-bytes 16k "$@"
  done
  echo "== $strategy"
  "$peer" forgetting "$pool"
done
