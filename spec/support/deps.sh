#!/bin/sh
# What the build and the specs need: install it where we may, else say what to install.
#   deps.sh [lint] [cases] [fuzz] [chains] [guests] [programs]
# Each word adds the tools of one more `make` target.
# Quick when nothing is missing: it looks, and starts no package manager.
set -u
LUA=${LUA:-lua5.4}
CC=${CC:-cc}
case $LUA in */lua-asan) LUA=lua5.4 ;; esac
want=" base $* "
missing=

need() { # need "Debian packages" "what it is" test...
  packages=$1 what=$2
  shift 2
  "$@" >/dev/null 2>&1 && return
  missing="$missing $packages"
  report="${report:-}  $what (Debian: $packages)
"
}

has_header() {
  for inc in "$(pkg-config --cflags lua5.4 2>/dev/null)" -I/usr/include/lua5.4 "${LUA_INC:--I.}"; do
    printf '#include <%s>\n' "$1" | $CC $inc -E -x c - && return
  done
  return 1
}

has_lua_module() {
  $LUA -e "assert(package.searchpath('$1', package.path))"
}

has_rust() { # has_rust TARGET
  for rustc in "${RUSTC:-rustc}" /usr/bin/rustc; do
    [ -d "$("$rustc" --print sysroot)/lib/rustlib/$1" ] && return
  done
  return 1
}

has_wasi() {
  echo 'int main(void) { return 0; }' | clang-22 --target=wasm32-wasi -w -o /dev/null -x c -
}

look() {
  missing= report=
  need "gcc libc6-dev" "a C compiler called $CC" command -v "$CC"
  need binutils "ar, nm and objdump" command -v objdump
  need make "make" command -v make
  need lua5.4 "Lua 5.4 called $LUA" command -v "$LUA"
  need liblua5.4-dev "Lua 5.4's C headers" has_header lua.h
  need libxxhash-dev "xxhash.h" has_header xxhash.h
  need lua-busted "busted for Lua 5.4" has_lua_module busted.runner
  need lua-check "luacheck" command -v luacheck
  case $want in *" lint "*)
    need clang-format "clang-format 14" command -v clang-format
    need clang-tidy "clang-tidy 14" command -v clang-tidy ;;
  esac
  case $want in *" fuzz "*) need clang "clang with libFuzzer" command -v clang ;; esac
  case $want in *" tsan "*)
    need "clang-22 libclang-rt-22-dev" "clang-22 with its thread sanitizer" command -v clang-22 ;;
  esac
  case $want in *" redis "*) need redis-server "redis-server" command -v redis-server ;; esac
  case $want in *" chains "*)
    need "clang-22 lld-22" "clang-22 with its linker for wasm" command -v wasm-ld-22
    need emscripten "Emscripten" command -v emcc
    need "rustc libstd-rust-dev-wasm32" "a rustc for wasm32-unknown-unknown" \
      has_rust wasm32-unknown-unknown
    need g++ "a C++ compiler" command -v c++
    need npm "npm" command -v npm ;;
  esac
  case $want in *" guests "*)
    need "clang-22 lld-22" "clang-22 with its linker for wasm" command -v wasm-ld-22
    need "wasi-libc libclang-rt-22-dev-wasm32" "WASI's C library" has_wasi
    need "rustc libstd-rust-dev-wasm32 lld" "a rustc for wasm32-wasi" has_rust wasm32-wasi ;;
  esac
  case $want in *" programs "*)
    need "clang-22 lld-22" "clang-22 with its linker for wasm" command -v wasm-ld-22
    need "wasi-libc libclang-rt-22-dev-wasm32" "WASI's C library" has_wasi
    need dpkg-dev "dpkg-source" command -v dpkg-source
    need tcl "Tcl, which SQLite is put together by" command -v tclsh ;;
  esac
  case $want in *" cases "*) need npm "npm" command -v npm ;; esac
}

look
[ -z "$missing" ] && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
  echo "deps: installing$missing" >&2
  log=$(mktemp)
  # shellcheck disable=SC2086
  if ! { $as_root apt-get update &&
         $as_root env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
  fi
  rm -f "$log"
  look
  [ -z "$missing" ] && exit 0
fi
printf 'deps: missing, please install:\n%s' "$report" >&2
exit 1
