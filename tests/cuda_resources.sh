#!/usr/bin/env bash
# Registers, shared memory and spills of every CUDA kernel, as ptxas reports them; no GPU is needed. Exits with 1 when a kernel of the ops
# that a training step spends its time in spills registers to memory.
#
#   bash tests/cuda_resources.sh [ARCHITECTURE] [OP...]        default: sm_90, every op, e.g. sm_80 expert_mix
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -d /usr/local/cuda/bin ]] && PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null || { echo "cuda_resources: no nvcc here" >&2; exit 2; }
architecture=${1:-sm_90}
[[ $# -gt 0 ]] && shift
ops=("$@")
[[ ${#ops[@]} -gt 0 ]] || for file in peer/ops/*_cuda.cu; do ops+=("$(basename "$file" _cuda.cu)"); done
hot=' expert_mix expert_row_gradient expert_row_update adamw_rows product_key_topk product_key_topk_backward query_norm attention bf16_attention bf16_attention_backward cached_attention cross_entropy row_order slot_order '

object=$(mktemp --suffix=.o)
trap 'rm -f "$object"' EXIT
printf '%-28s %9s %12s %12s  %s\n' op registers 'shared, B' 'spilled, B' kernel
spilled=0
for op in "${ops[@]}"; do
  # Flags as peer/device/cuda.cmake has them; -Xptxas -v speaks of one kernel in three lines.
  report=$(nvcc -std=c++20 -O3 -DNDEBUG -DPEER_WITH_CUDA -DPEER_CPU_PATHS=1 -DFMT_SHARED -I. --expt-relaxed-constexpr --extended-lambda \
    -diag-suppress=554 -gencode "arch=compute_${architecture#sm_},code=$architecture" -Xptxas -v -c "peer/ops/${op}_cuda.cu" -o "$object" 2>&1 | c++filt)
  lines=$(awk -v op="$op" '
    /Compiling entry function/ { name = $0; sub(/.*entry function ./, "", name); sub(/. for .sm_.*/, "", name) }
    /bytes spill stores/ { for (i = 1; i <= NF; ++i) if ($(i + 1) == "bytes" && $(i + 2) == "spill") spill += $i }
    /Used [0-9]+ registers/ {
      shared = 0
      for (i = 1; i <= NF; ++i) { if ($(i + 1) == "registers,") registers = $i; if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) shared = $i }
      if (match(name, /peer::ops::cuda::[a-z_:A-Z()0-9 ]*(<[0-9]+>)?/)) name = substr(name, RSTART + 17, 60)
      if (name ~ /cub::/) name = "cub: " substr(name, match(name, /Device[A-Za-z]*/), RLENGTH)
      printf "%-28s %9d %12d %12d  %.70s\n", op, registers, shared, spill, name
      spill = 0
    }' <<<"$report")
  [[ -n $lines ]] || { echo "cuda_resources: no kernel found in $op: $report" >&2; exit 1; }
  echo "$lines"
  [[ $hot == *" $op "* ]] && spilled=$((spilled + $(awk '!/cub: / { s += $4 } END { print s + 0 }' <<<"$lines")))
done
if [[ $spilled -gt 0 ]]; then
  echo "kernels of the hot ops spill $spilled bytes"
  exit 1
fi
