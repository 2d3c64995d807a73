#!/bin/sh
# mutants.sh BUILD COUNT SEED -- run the mutator's program over the shipped modules, then say how
# much of decoding, validation and the IR builder its mutants reached.
set -eu
build=$1 count=$2 seed=$3
find "$build" -name '*.gcda' -delete
mkdir -p "$build/modules"
${LUA:-lua5.4} spec/fuzz/assemble.lua "$build/modules"
# shellcheck disable=SC2046
set -- $(find spec examples "$build/modules" -name '*.wasm' | LC_ALL=C sort)
status=0
MUTANT_FILE=$build/last-mutant.wasm \
  "$build/mutants" "$count" "$seed" "$@" || status=$?
echo "lines reached by mutants:"
gcov -n "$build"/obj/wasm/*.gcda "$build"/obj/jit/build*.gcda 2>/dev/null |
  awk -F"[':% ]+" '
    /^File /  { file = $2; wanted = file ~ /^src\/(wasm|jit)\// && !(file in seen); seen[file] = 1 }
    /^Lines / && wanted {
      printf "  %-28s %6.1f %% of %5d\n", file, $3, $5
      lines += $5; hit += $3 * $5 / 100; wanted = 0
    }
    END { if (lines) printf "  %-28s %6.1f %% of %5d\n", "all of them", 100 * hit / lines, lines }'
exit $status
