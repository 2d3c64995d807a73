#!/bin/sh
# Rebuild the specs' guests (shipped as .wasm) with clang's wasm32 target and wasm-ld.
# The stack lies first in memory, so that a stack pointer run away is an out-of-bounds trap.
set -eu
cd "$(dirname "$0")"
for guest in frames coro; do
  ${WASM_CC:-clang-22} --target=wasm32 -nostdlib -ffreestanding -std=c11 -O2 -Wall -Wextra -Werror \
    --no-wasm-opt -Wl,--no-entry -Wl,--strip-debug -Wl,--stack-first \
    -Wl,-z,stack-size=1048576 -o $guest.wasm $guest.c
  chmod -x $guest.wasm
done
ls -l ./*.wasm
