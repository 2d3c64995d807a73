#!/bin/sh
# Rebuild the WASI guests (shipped as .wasm): in C with clang's wasm32-wasi target and wasi-libc
# (Debian: clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32), in Rust with Debian's rustc for
# wasm32-wasi (rustc libstd-rust-dev-wasm32 lld). What the Rust program says natively, in an empty
# directory, is written anew as well: std.txt.
set -eu
cd "$(dirname "$0")"
clang="${WASM_CC:-clang-22} --target=wasm32-wasi -std=gnu11 -Wall -Wextra -Werror -Wno-deprecated
  --no-wasm-opt -Wl,--strip-debug"
$clang -O1 -o libc.wasm libc.c
$clang -Os -o calls.wasm calls/*.c

rustc=
for name in "${RUSTC:-rustc}" /usr/bin/rustc; do
  [ -n "$rustc" ] || [ ! -d "$("$name" --print sysroot)/lib/rustlib/wasm32-wasi" ] || rustc=$name
done
[ -n "$rustc" ] || { echo "no rustc for wasm32-wasi" >&2; exit 1; }
small="--edition=2021 -D warnings -C opt-level=s -C lto -C panic=abort -C strip=symbols"
# shellcheck disable=SC2086
$rustc $small --target wasm32-wasi -o std.wasm std.rs
# shellcheck disable=SC2086
$rustc $small --target wasm32-wasi --crate-type=cdylib -o raw.wasm raw.rs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
$rustc $small -o "$dir/std" std.rs
mkdir "$dir/empty"
(cd "$dir/empty" && printf 'a line\nrest' | STD_ONE="one value" STD_TWO= \
  "$dir/std" one 'two words' '' ünï 2>/dev/null) >std.txt || [ $? = 3 ]
chmod -x ./*.wasm
ls -l ./*.wasm
