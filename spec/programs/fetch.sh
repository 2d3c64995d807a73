#!/bin/sh
# Fetch Debian's source packages named in sources.txt (a name and a suite), unpacked and with
# Debian's patches, into a cache outside the tree. apt checks them against the archive's
# signature. It gets lists of its own: the system's configuration of apt is not touched.
# What is there already is not asked for again.
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wasm-lua-programs
mkdir -p "$cache/src" || exit 1
missing=0
work=$(mktemp -d "$cache/new.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# apt_for SUITE command... -- with that suite's sources and nothing else
apt_for() {
  suite=$1 program=$2
  shift 2
  "$program" -q -o Dir::Etc::sourcelist="$work/$suite/list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$work/$suite/lists" -o Dir::Cache="$work/$suite/cache" \
    -o APT::Sandbox::User="$(id -un)" "$@"
}

lists_of() {
  [ -d "$work/$1" ] && return
  mkdir -p "$work/$1/lists/partial" "$work/$1/cache/archives/partial" || return 1
  key=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb-src [signed-by=$key] ${DEBIAN:-http://deb.debian.org/debian} $1 main" \
    >"$work/$1/list"
  apt_for "$1" apt-get update >"$work/log" 2>&1
}

fetch() {
  mkdir "$work/get" && cd "$work/get" && lists_of "$2" &&
    apt_for "$2" apt-get source --download-only "$1" >>"$work/log" 2>&1 &&
    dpkg-source -x "$1"_*.dsc "$work/get/tree" >>"$work/log" 2>&1 &&
    ls "$1"_*.dsc | sed 's/^[^_]*_//; s/\.dsc$//' >"$work/get/tree/.version" &&
    mv "$work/get/tree" "$cache/src/$1"
}

while read -r name suite; do
  [ -d "$cache/src/$name" ] && continue
  echo "programs: fetching Debian's $name ($suite)"
  : >"$work/log"
  if ! fetch "$name" "$suite"; then
    tail -n 5 "$work/log" >&2
    echo "programs: cannot fetch $name" >&2
    missing=$((missing + 1))
  fi
  cd "$here" && rm -rf "$work/get"
done <"$here/sources.txt"
[ "$missing" = 0 ] && exit 0
echo "0 passed, $missing failed"
exit 1
