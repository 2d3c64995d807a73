#!/bin/sh
# Build the programs from Debian's sources (fetch.sh), each twice: natively and for WASI, with
# the same optimization, the same definitions and no vectorizer. Results lie in the cache, in
# native/ and wasm/, and are built anew when their sources, this script or the compiler change.
#
#   lua      Lua's interpreter, with LPeg and LuaFileSystem linked in; setjmp by exceptions
#   sqlite3  SQLite's shell; speedtest1 and fuzzcheck, its own test programs
#   qjs      QuickJS's interpreter, std and os included, without its prompt
#   zlib     example, minigzip and infcover, its own test programs
#
# kit/ has what WASI's C library lacks. Left out in both builds: what needs processes,
# dynamic libraries, or memory shared between processes (SQLite's write-ahead log). A long double
# of x86 is none of WASI's, so SQLite gets a double for it on both sides.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wasm-lua-programs
clang=${WASM_CC:-clang-22} cc=${NATIVE_CC:-${WASM_CC:-clang-22}}
src=$cache/src
jumps=$(cd "$here/../guests/chains/kit" && pwd)
mkdir -p "$cache/native" "$cache/wasm" "$cache/headers/sys" || exit 1
for name in dlfcn pwd pthread termios sys/wait; do
  echo '#include "absent.h"' >"$cache/headers/$name.h"
done

COMMON="-w -std=gnu11 -O2 -fno-vectorize -fno-slp-vectorize -ffp-contract=off -D_GNU_SOURCE"
EMULATED="-D_WASI_EMULATED_GETPID -D_WASI_EMULATED_MMAN -D_WASI_EMULATED_SIGNAL
  -D_WASI_EMULATED_PROCESS_CLOCKS"
EXCEPTIONS="-mexception-handling -mllvm -wasm-use-legacy-eh=false -mllvm -wasm-enable-sjlj"
LIBRARIES="-lwasi-emulated-getpid -lwasi-emulated-mman -lwasi-emulated-signal
  -lwasi-emulated-process-clocks"

# compile SIDE OBJECTS source... [-- options...] -- to objects, in the directory OBJECTS
compile() {
  side=$1 into=$2
  shift 2
  sources=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    sources="$sources $1"
    shift
  done
  [ $# -gt 0 ] && shift
  for source in $sources; do
    object=$into/$(basename "$source" .c).o
    # shellcheck disable=SC2086
    if [ "$side" = native ]; then
      $cc $COMMON "$@" -c -o "$object" "$source"
    else
      $clang --target=wasm32-wasi $COMMON $EMULATED -I"$jumps" -I"$here/kit" \
        -I"$cache/headers" -include absent.h "$@" -c -o "$object" "$source"
    fi || return 1
  done
}

# link SIDE PROGRAM object... -- the stack lies first in memory and is as large as Linux's
link() {
  side=$1 program=$2
  shift 2
  # shellcheck disable=SC2086
  if [ "$side" = native ]; then
    log=$cache/objects/$program.log # the linker warns of tmpnam
    $cc -o "$cache/native/$program" "$@" -lm >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  else
    compile wasm "$cache/objects" "$here/kit/absent.c" &&
      $clang --target=wasm32-wasi -w --no-wasm-opt -Wl,--stack-first \
        -Wl,-z,stack-size=8388608 -o "$cache/wasm/$program" "$@" "$cache/objects/absent.o" \
        $LIBRARIES && chmod -x "$cache/wasm/$program"
  fi
}

lua() {
  side=$1 o=$2 main=$src/lua5.4/src
  mkdir -p "$o/lpeg"
  echo '#define DEB_HOST_MULTIARCH "x86_64-linux-gnu"' >"$o/lua5.4-deb-multiarch.h"
  eh=
  [ "$side" = wasm ] && eh=$EXCEPTIONS
  # shellcheck disable=SC2046,SC2086
  compile "$side" "$o" $(ls "$main"/*.c | grep -v -e /luac.c -e /linit.c) -- -I"$o" $eh &&
    compile "$side" "$o" "$main/linit.c" -- -I"$o" -DluaL_openlibs=open_standard &&
    compile "$side" "$o" "$here/kit/openlibs.c" "$src/lua-filesystem/src/lfs.c" -- \
      -I"$o" -I"$main" &&
    compile "$side" "$o/lpeg" "$src"/lua-lpeg/lp*.c -- -I"$o" -I"$main" || return 1
  [ "$side" = wasm ] && { compile wasm "$o" "$jumps/setjmp.c" -- $EXCEPTIONS || return 1; }
  link "$side" lua "$o"/*.o "$o"/lpeg/*.o
}

SQLITE="-DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL
  -DSQLITE_OMIT_POPEN -DSQLITE_NOHAVE_SYSTEM -DSQLITE_DEFAULT_MMAP_SIZE=0
  -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE
  -DSQLITE_ENABLE_GEOPOLY -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_STAT4
  -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_DESERIALIZE -DLONGDOUBLE_TYPE=double"

# The one file that SQLite is usually built from, made by its own scripts (in Tcl).
amalgamation() {
  made=$cache/objects/amalgamation
  [ -f "$made/shell.c" ] && return
  rm -rf "$made.new" && mkdir -p "$made.new" &&
    (cd "$made.new" && sh "$src/sqlite3/configure" --disable-tcl --disable-shared &&
      make sqlite3.c shell.c) >"$cache/objects/make.log" 2>&1 &&
    mv "$made.new" "$made" || { tail -n 5 "$cache/objects/make.log" >&2; return 1; }
}

sqlite3() {
  side=$1 o=$2
  made=$cache/objects/amalgamation
  test=$src/sqlite3/test recover=$src/sqlite3/ext/recover
  mkdir -p "$o/fuzz"
  # shellcheck disable=SC2086
  compile "$side" "$o" "$made/sqlite3.c" "$made/shell.c" "$test/speedtest1.c" -- \
    -I"$made" $SQLITE &&
    compile "$side" "$o/fuzz" "$test/fuzzcheck.c" "$test/ossfuzz.c" "$test/fuzzinvariants.c" \
      "$test/vt02.c" "$recover/sqlite3recover.c" "$recover/dbdata.c" -- \
      -I"$made" -I"$test" -I"$recover" -DSQLITE_OSS_FUZZ -DSQLITE_ENABLE_DBPAGE_VTAB $SQLITE &&
    link "$side" sqlite3 "$o/sqlite3.o" "$o/shell.o" &&
    link "$side" speedtest1 "$o/sqlite3.o" "$o/speedtest1.o" &&
    link "$side" fuzzcheck "$o/sqlite3.o" "$o"/fuzz/*.o
}

quickjs() {
  side=$1 o=$2 main=$src/quickjs
  version=$(cat "$main/VERSION")
  compile "$side" "$o" "$main/quickjs-libc.c" "$main/quickjs.c" "$main/cutils.c" \
    "$main/dtoa.c" "$main/libregexp.c" "$main/libunicode.c" "$main/qjs.c" \
    "$here/kit/norepl.c" -- "-DCONFIG_VERSION=\"$version\"" &&
    link "$side" qjs "$o"/*.o
}

zlib() {
  side=$1 o=$2 main=$src/zlib
  # shellcheck disable=SC2086
  compile "$side" "$o" "$main"/[a-z]*.c -- -DHAVE_UNISTD_H || return 1
  mkdir -p "$o/main"
  for name in example minigzip infcover; do
    compile "$side" "$o/main" "$main/test/$name.c" -- -I"$main" -DHAVE_UNISTD_H &&
      link "$side" "$name" "$o"/*.o "$o/main/$name.o" || return 1
  done
}

# made GROUP source... -- build a group unless all it was built from is as it was
failed=0
made() {
  group=$1
  shift
  [ "$group" = "${ONLY:-$group}" ] || return 0
  for name in "$@"; do [ -d "$src/$name" ] || return 0; done
  stamp=$({ for name in "$@"; do cat "$src/$name/.version"; done
    cat "$here"/build.sh "$here"/kit/* "$jumps"/setjmp.*; $clang --version; $cc --version
  } | sha256sum)
  [ "$stamp" = "$(cat "$cache/$group.stamp" 2>/dev/null)" ] && return
  echo "programs: building $group $(cat "$src/$1/.version")"
  rm -f "$cache/$group.stamp"
  mkdir -p "$cache/objects"
  [ "$group" != sqlite3 ] || amalgamation || { failed=1; return; }
  for side in native wasm; do
    rm -rf "$cache/objects/$side-$group"
    mkdir -p "$cache/objects/$side-$group"
  done
  "$group" native "$cache/objects/native-$group" &
  other=$!
  "$group" wasm "$cache/objects/wasm-$group"
  ours=$?
  wait $other && [ $ours = 0 ] || { echo "programs: cannot build $group" >&2; failed=1; return; }
  echo "$stamp" >"$cache/$group.stamp"
}

made lua lua5.4 lua-lpeg lua-filesystem
made sqlite3 sqlite3
made quickjs quickjs
made zlib zlib
[ $failed = 0 ] && exit 0
echo "0 passed, 1 failed"
exit 1
