#!/bin/sh
# Build the guests of the toolchains into a directory, each with every toolchain that is here:
#   sh build.sh OUT        (`make guests` copies from there what is shipped)
# One line is printed for each chain: its name, yes or no, and why not. A guest that a chain
# cannot build, though the chain is here, is an error. What is newer than its sources stays.
#
#   native  the same sources as shared objects, and the program that calls them
#   clang   clang-22 and wasm-ld: simd, relaxed, tail, wide (wasm64), jumps in the new encoding
#   emcc    Emscripten: throws and jumps in the legacy encoding (Debian's 3.1.6 knows no other)
#   opt     Binaryen's wasm-opt: those two translated to the new encoding
#   cxx     clang-22 with Emscripten's C++ library: throws in the new encoding
#   rust    rustc for wasm32-unknown-unknown: words
#
# Emscripten builds its libraries first, for minutes: only with CHAINS=all, or once it is done.
set -u
mkdir -p "$1/native" "$1/objects" || exit 1
out=$(cd "$1" && pwd)
cd "$(dirname "$0")" || exit 1
cc=${NATIVE_CC:-${CC:-cc}} cxx=${NATIVE_CXX:-c++} clang=${WASM_CC:-clang-22}
cache=${EM_CACHE:-$(cd ../../.. && pwd)/build/emscripten}
failed=0

say() { echo "$*"; }

# made FILE source... -- true if FILE is there and newer than all of them
made() {
  file=$1
  shift
  [ -f "$file" ] || return 1
  for source in "$@" build.sh; do [ "$file" -nt "$source" ] || return 1; done
}

# build FILE "sources" command... -- run the command unless FILE is up to date
build() {
  file=$1 sources=$2
  shift 2
  # shellcheck disable=SC2086
  made "$file" $sources && return 0
  if "$@"; then
    case $file in *.wasm) chmod -x "$file" ;; esac
    return 0
  fi
  echo "cannot build $(basename "$file")" >&2
  failed=1
}

# No vectorizer: gcc 12 at -O2 drops a narrowing to float in a pair of lanes.
NATIVE="-O1 -foptimize-sibling-calls -ffp-contract=off -fPIC -shared -fvisibility=hidden -w"
native() {
  echo 'int main(void) { return 0; }' >"$out/objects/probe.c"
  $cc -o "$out/objects/probe" "$out/objects/probe.c" 2>/dev/null ||
    { say native no: no C compiler "$cc"; return; }
  say native yes
  build "$out/native/call" native.c $cc -std=gnu11 -O1 -o "$out/native/call" native.c -ldl
  for guest in simd relaxed tail wide jumps; do
    # shellcheck disable=SC2086
    build "$out/native/$guest.so" "$guest.c chain.h lanes.h lanes.def" \
      $cc -std=gnu11 $NATIVE -o "$out/native/$guest.so" $guest.c -lm
  done
  command -v "$cxx" >/dev/null || return
  # shellcheck disable=SC2086
  build "$out/native/throws.so" "throws.cpp chain.h" \
    "$cxx" -std=c++17 $NATIVE -o "$out/native/throws.so" throws.cpp
}

# The stack lies first in memory, so that a stack pointer run away is an out-of-bounds trap.
WASM="-nostdlib -ffreestanding -std=gnu11 -O2 -Wall -Wextra -Werror -ffp-contract=off
  --no-wasm-opt -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first"
NEW="-mexception-handling -mllvm -wasm-use-legacy-eh=false"
clang() {
  # shellcheck disable=SC2086
  "$clang" --target=wasm64 $WASM -mtail-call -o "$out/objects/probe.wasm" \
    "$out/objects/probe.c" >/dev/null 2>&1 ||
    { say clang no: no "$clang" with wasm-ld; return 1; }
  say clang yes
  for guest in "simd -msimd128" "relaxed -msimd128 -mrelaxed-simd" "tail -mtail-call" \
    "wide --target=wasm64"; do
    # shellcheck disable=SC2086
    set -- $guest
    guest=$1
    shift
    # shellcheck disable=SC2086
    build "$out/$guest.wasm" "$guest.c chain.h lanes.h" \
      "$clang" --target=wasm32 $WASM "$@" -o "$out/$guest.wasm" "$guest.c"
  done
  # shellcheck disable=SC2086
  build "$out/jumps_clang.wasm" "jumps.c chain.h kit/setjmp.c kit/setjmp.h" \
    "$clang" --target=wasm32 $WASM $NEW -mllvm -wasm-enable-sjlj -Ikit \
    -o "$out/jumps_clang.wasm" jumps.c kit/setjmp.c
}

# Debian's configuration forbids to build libraries: a copy that allows it.
configured() {
  mkdir -p "$cache" || return 1
  installed=/usr/share/emscripten/.emscripten
  if [ -z "${EM_CONFIG:-}" ] && [ -f $installed ]; then
    sed 's/^FROZEN_CACHE.*/FROZEN_CACHE = False/' $installed >"$cache/config"
    EM_CONFIG=$cache/config
    export EM_CONFIG
  fi
  EM_CACHE=$cache
  export EM_CACHE
}

EMCC="-O2 -sSTANDALONE_WASM --no-entry -Wall"
emcc_guests() {
  command -v emcc >/dev/null || { say emcc no: no emcc; return 1; }
  [ -f "$cache/ready" ] || [ "${CHAINS:-}" = all ] ||
    { say emcc no: its libraries are not built, \`make chains\` does; return 1; }
  configured || return 1
  say emcc yes
  # shellcheck disable=SC2086
  build "$out/throws.wasm" "throws.cpp chain.h" \
    emcc -std=c++17 -fwasm-exceptions $EMCC -o "$out/throws.wasm" throws.cpp
  # shellcheck disable=SC2086
  build "$out/jumps.wasm" "jumps.c chain.h" \
    emcc -std=gnu11 -sSUPPORT_LONGJMP=wasm $EMCC -o "$out/jumps.wasm" jumps.c
  [ $failed = 0 ] && touch "$cache/ready"
}

translated() {
  opt=${WASM_OPT:-$cache/node_modules/.bin/wasm-opt}
  command -v "$opt" >/dev/null || opt=wasm-opt
  "$opt" --help 2>/dev/null | grep -q translate-to-exnref ||
    { say opt no: no wasm-opt that translates to exnref; return; }
  say opt yes
  for guest in throws jumps; do
    build "$out/${guest}_exnref.wasm" "$out/$guest.wasm" \
      "$opt" --enable-exception-handling --enable-reference-types --enable-multivalue \
      --enable-bulk-memory --enable-mutable-globals --enable-sign-ext \
      --enable-nontrapping-float-to-int -O2 --translate-to-exnref \
      -o "$out/${guest}_exnref.wasm" "$out/$guest.wasm"
  done
}

# The parts of the C++ library that exceptions need, compiled anew by clang-22.
PARTS="cxa_exception cxa_exception_storage cxa_personality cxa_handlers cxa_default_handlers
  private_typeinfo stdlib_typeinfo stdlib_exception stdlib_new_delete cxa_aux_runtime
  cxa_virtual abort_message fallback_malloc"
library_object() {
  lib=/usr/share/emscripten/system/lib
  file=$1
  shift
  # shellcheck disable=SC2086
  "$clang" --target=wasm32-unknown-emscripten -O2 -fwasm-exceptions $NEW -DNDEBUG -w \
    -D__USING_WASM_EXCEPTIONS__ -D_LIBCXXABI_HAS_NO_THREADS -D_LIBCPP_HAS_NO_THREADS \
    -D_LIBUNWIND_HAS_NO_THREADS -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY \
    -fdeclspec -I$lib/libunwind/include -I$lib/libunwind/src -I$lib/libcxxabi/include \
    -I$lib/libcxx/src -nostdinc++ -isystem "$cache/sysroot/include/c++/v1" \
    -isystem "$cache/sysroot/include/compat" -isystem "$cache/sysroot/include" \
    -c -o "$file" "$@"
}

cxx_linked() {
  for part in $PARTS; do
    library_object "$out/objects/$part.o" -std=c++20 $lib/libcxxabi/src/"$part".cpp || return 1
  done
  library_object "$out/objects/unwind.o" -std=gnu11 $lib/libunwind/src/Unwind-wasm.c &&
    library_object "$out/objects/kit.o" -std=gnu11 kit/cxx.c &&
    library_object "$out/objects/throws.o" -std=c++17 throws.cpp &&
    "$("$clang" -print-prog-name=wasm-ld)" --no-entry --strip-all --stack-first \
      -o "$out/throws_clang.wasm" "$out"/objects/*.o \
      -L "$cache/sysroot/lib/wasm32-emscripten" -lc -ldlmalloc -lcompiler_rt -lstubs
}

cxx() {
  lib=/usr/share/emscripten/system/lib
  [ -d $lib/libcxxabi/src ] || { say cxx no: no sources of Emscripten\'s C++ library; return; }
  say cxx yes
  build "$out/throws_clang.wasm" "throws.cpp chain.h kit/cxx.c" cxx_linked
}

# The rustc that has the target: of several, Debian's may be the one.
rust() {
  echo '#![no_std] #[panic_handler] fn p(_: &core::panic::PanicInfo) -> ! { loop {} }' \
    >"$out/objects/probe.rs"
  for rustc in "${RUSTC:-rustc}" /usr/bin/rustc; do
    "$rustc" --crate-type=cdylib --target wasm32-unknown-unknown -C panic=abort \
      -o "$out/objects/rust.wasm" "$out/objects/probe.rs" >/dev/null 2>&1 || continue
    say rust yes
    build "$out/words.wasm" words.rs "$rustc" --crate-type=cdylib -C opt-level=s -C lto \
      -C codegen-units=1 -C panic=abort -C strip=symbols --target wasm32-unknown-unknown \
      -o "$out/words.wasm" words.rs
    build "$out/native/words.so" words.rs "$rustc" --crate-type=cdylib -O \
      -o "$out/native/words.so" words.rs
    return
  done
  say rust no: no rustc with wasm32-unknown-unknown
}

native
has_clang=no
clang && has_clang=yes
if emcc_guests; then
  translated
  if [ $has_clang = yes ]; then cxx; else say cxx no: no clang; fi
else
  say opt no: no emcc
  say cxx no: no emcc
fi
rust
exit $failed
