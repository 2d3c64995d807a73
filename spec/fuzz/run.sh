#!/bin/sh
# run.sh PROGRAM SECONDS -- fuzz from the shipped modules and what earlier runs found.
set -eu
program=$1 seconds=$2
dir=$(dirname "$program") name=$(basename "$program")
mkdir -p "$dir/$name.corpus" "$dir/seeds" "$dir/modules"
${LUA:-lua5.4} spec/fuzz/assemble.lua "$dir/modules"
# A seed is an option byte and a module.
for f in "$dir"/modules/*.wasm spec/bench/kernels/*.wasm; do
  { printf '\000'; cat "$f"; } >"$dir/seeds/$(basename "$f")"
done
"$program" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
  -print_final_stats=1 -artifact_prefix="$dir/" "$dir/$name.corpus" "$dir/seeds"
