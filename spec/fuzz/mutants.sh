#!/bin/sh
# mutants.sh BUILD COUNT SEED -- mutants of our own modules through the whole engine, then
# which part of decoding, validation and IR building they reached.
# Seeds: the texts in spec/fuzz/seeds, some benchmarks and the specs' guests.
build=$1 count=$2 seed=$3
mkdir -p "$build/seeds" || exit 1
find "$build" -name '*.gcda' -delete
${LUA_PLAIN:-lua5.4} spec/fuzz/assemble.lua "$build/seeds" || exit 1
MUTANT_FILE="$build/mutant.wasm" "$build/mutants" "$count" "$seed" "$build"/seeds/*.wasm \
  spec/bench/kernels/sha256.wasm spec/bench/kernels/quicksort.wasm \
  spec/bench/kernels/lz.wasm spec/bench/kernels/interp.wasm spec/guests/*.wasm
status=$?
[ "$status" = 0 ] || echo "mutants: failed; the last one is in $build/mutant.wasm"
echo "lines reached:"
for f in src/wasm/decode*.c src/wasm/binary.c src/wasm/leb.c src/wasm/instr.c \
         src/wasm/validate*.c src/wasm/recorder.c src/jit/build*.c src/jit/make.c; do
  [ -f "$build/obj/${f#src/}.gcda" ] || continue
  gcov -n -o "$build/obj/${f#src/}.gcda" "$f" 2>/dev/null |
    awk -v f="$f" '$0 ~ "^File .*" f {hit = 1} hit && /^Lines executed/ {
      sub(/Lines executed:/, ""); printf "  %-28s %s\n", f, $0; exit}'
done
exit "$status"
