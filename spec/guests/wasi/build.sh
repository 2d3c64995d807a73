#!/bin/sh
# Rebuild the WASI guest (shipped as .wasm) with clang's wasm32-wasi target and wasi-libc
# (Debian: clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32).
set -eu
cd "$(dirname "$0")"
${WASM_CC:-clang-22} --target=wasm32-wasi -std=gnu11 -O1 -Wall -Wextra -Werror -Wno-deprecated \
  --no-wasm-opt -Wl,--strip-debug -o libc.wasm libc.c
chmod -x libc.wasm
ls -l libc.wasm
