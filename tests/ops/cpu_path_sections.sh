#!/usr/bin/env bash
# Proves that a program with several CPU paths runs on every x86-64: cpu_path_sections.sh PROGRAM PATH=OBJECT...
#   - a path's object shows nothing but the table of its twins, and runs nothing before main;
#   - of the program, only the sections of the paths hold instructions beyond the baseline.
set -euo pipefail

fail() {
  echo "cpu_path_sections: $*" >&2
  exit 1
}

program=$1
shift
sections=()
for pair in "$@"; do
  path=${pair%%=*} object=${pair#*=}
  visible=$(nm --defined-only --extern-only --format=just-symbols "$object")
  [[ ${visible,,} =~ ^_z[a-z0-9]*k${path}twins[a-z]*$ ]] || fail "$object should show its table alone, and shows: $visible"
  if objdump --section-headers "$object" | grep -E '\.(init|fini)_array|\.ctors|\.dtors'; then
    fail "$object holds code that runs before or after main"
  fi
  sections+=(".text_$path")
done

# Mnemonics of what came after SSE2: whatever is encoded with VEX or EVEX begins with v; bit manipulation; SSE3 to SSE4.2. (tzcnt is
# left out: it is bsf with a prefix that old machines ignore.)
later='v[a-z0-9]+|andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|sarx|sh[lr]x|lzcnt|popcnt|movbe|crc32|h(add|sub)p[sd]|addsubp[sd]'
later+='|movddup|movs[hl]dup|lddqu|pabs[bwd]|palignr|ph(add|sub)[wd]|pmulhrsw|pmaddubsw|pshufb|psign[bwd]|p?blend[a-z]+|dpp[sd]|extractps'
later+='|insertps|packusdw|pcmp(eq|gt)q|pcmp[ei]str[im]|pextr[bdq]|pinsr[bdq]|p(max|min)(s[bd]|u[wd])|pmov[sz]x[a-z]+|pmul(dq|ld)|ptest|round[ps][sd]'
declare -A beyond
while read -r section count; do beyond[$section]=$count; done < <(
  objdump --disassemble --no-show-raw-insn "$program" | awk -v later="^(${later})\$" '
    /^Disassembly of section/ { section = $4; sub(":", "", section) }
    $1 ~ /:$/ && $2 ~ later { ++count[section] }
    END { for (s in count) print s, count[s] }')

for section in "${sections[@]}"; do
  [[ ${beyond[$section]:-0} -gt 0 ]] || fail "$program: no instruction beyond the baseline in $section; is the path really there?"
  unset "beyond[$section]"
done
for section in "${!beyond[@]}"; do fail "$program: ${beyond[$section]} instructions beyond the baseline in $section"; done
echo "$program: instructions beyond the baseline in ${sections[*]} alone"
