#!/bin/sh
# Rebuild the .wasm files of the examples from their C sources (they are shipped: only who
# changes a guest needs this). Needs clang with the wasm32 target and wasm-ld; for the two
# libraries also wasi-libc and their sources (Debian: apt-get source zlib qr-code-generator):
#   sh examples/guests/build.sh [ZLIB_DIRECTORY [QRCODE_DIRECTORY]]
set -eu
cd "$(dirname "$0")"
CC=${WASM_CC:-clang-22}
# --strip-debug keeps the name section: traces show C names.
FLAGS="-std=c11 -O2 -Wall -Wextra -Werror --no-wasm-opt -Wl,--no-entry -Wl,--strip-debug -Wl,--stack-first"
PLAIN="--target=wasm32 -nostdlib -ffreestanding -Wl,-z,stack-size=16384"
LIBC="--target=wasm32-wasi -nostartfiles -Wno-error -w"

for guest in text numbers queens enemy life; do
  $CC $PLAIN $FLAGS -o $guest.wasm $guest.c
done
$CC $PLAIN $FLAGS -o ../game/bots.wasm ../game/bots.c
for version in 1 2 4; do
  $CC $PLAIN $FLAGS -DVERSION=$version -Wl,--export=world -Wl,--export=world_size \
    -o ../hot/mod$version.wasm ../hot/mod.c
done
# Programs, with main; the licence of what they contain of wasi-libc lies beside them.
for program in count cook; do
  $CC --target=wasm32-wasi -std=c11 -O2 -Wall -Wextra -Wno-deprecated --no-wasm-opt \
    -Wl,--strip-debug -o $program.wasm $program.c
done
if [ -n "${1:-}" ]; then
  set -- "$1" "${2:-}"
  $CC $LIBC $FLAGS -Wl,-z,stack-size=65536 -I"$1" -o zlib/zlib.wasm zlib/glue.c \
    "$1"/adler32.c "$1"/compress.c "$1"/crc32.c "$1"/deflate.c "$1"/inffast.c \
    "$1"/inflate.c "$1"/inftrees.c "$1"/trees.c "$1"/uncompr.c "$1"/zutil.c
fi
if [ -n "${2:-}" ]; then
  $CC $LIBC $FLAGS -DNDEBUG -Wl,-z,stack-size=65536 -I"$2/c" -o qrcode/qrcode.wasm \
    qrcode/glue.c "$2/c/qrcodegen.c"
fi
chmod -x ./*.wasm ./*/*.wasm ../game/*.wasm ../hot/*.wasm
ls -l ./*.wasm ./*/*.wasm ../game/*.wasm ../hot/*.wasm
