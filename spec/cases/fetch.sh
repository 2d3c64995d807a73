#!/bin/sh
# Fetch the packages of packages.txt, or of another list, with npm, unpacked, into a cache outside the tree.
# No script of a package is run. What is there already is not asked for again.
here=$(dirname "$0")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wasm-lua-cases
mkdir -p "$cache" || exit 1
missing=0
while read -r package; do
  # @scope/name@1.2.3 -> scope-name-1.2.3, as npm names its archives
  name=$(printf '%s\n' "$package" | sed 's/^@//; s,/,-,; s/@/-/')
  [ -d "$cache/$name" ] && continue
  echo "cases: fetching $package"
  work=$(mktemp -d "$cache/new.XXXXXX") || exit 1
  if npm pack "$package" --ignore-scripts --loglevel=error --pack-destination "$work" >/dev/null &&
     mkdir "$work/out" && tar xzf "$work/$name.tgz" -C "$work/out" --strip-components=1 &&
     mv "$work/out" "$cache/$name"; then :
  else
    echo "cases: cannot fetch $package" >&2
    missing=$((missing + 1))
  fi
  rm -rf "$work"
done <"${1:-$here/packages.txt}"
[ "$missing" = 0 ] && exit 0
echo "0 passed, $missing failed"
exit 1
