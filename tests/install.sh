#!/bin/sh
# Installs the build into a temporary folder and uses it as a stranger would: pkg-config, compile examples/search.c
# against the shared and the static library, run it. With LIKEN_MODELS a real search is made on the packs' own samples.
#
#   tests/install.sh BUILD      (a meson build folder whose targets are built)
set -eu
build=$(cd "${1:?usage: tests/install.sh BUILD}" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

say() { echo "install: $*"; }
fail() { say "$*"; exit 1; }

# an empty prefix would do for us, but not for a packager: install as he does
DESTDIR="$dir/stage" meson install -C "$build" --no-rebuild >"$dir/install.log" 2>&1 || { cat "$dir/install.log"; fail "meson install failed"; }
pc=$(find "$dir/stage" -name liken.pc)
[ -n "$pc" ] || fail "no liken.pc was installed"
export PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} PKG_CONFIG_SYSROOT_DIR="$dir/stage"
lib=${pc%/pkgconfig/liken.pc}

say "only liken_ symbols leave the shared library"
nm -D --defined-only "$lib/libliken.so" | awk '{print $3}' >"$dir/symbols"
if foreign=$(grep -v '^liken_' "$dir/symbols"); then fail "it exports $(echo "$foreign" | head -5 | tr '\n' ' ')"; fi

say "every function of liken.h is in it"
cat "$root"/include/liken.h "$root"/include/liken/*.h | grep "^LIKEN_API" | grep -oE '\bliken_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$dir/declared"
while read -r name; do
    grep -qx "$name" "$dir/symbols" || fail "$name is declared and not exported"
done <"$dir/declared"

# a sanitised library needs a sanitised program
sanitize=$(meson introspect --buildoptions "$build" |
    python3 -c 'import json,sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "b_sanitize"))')
extra=; [ "$sanitize" = none ] || extra="-fsanitize=$sanitize"
warn="-Wall -Wextra -Werror"

say "examples/search.c against the shared library"
# shellcheck disable=SC2046,SC2086
${CC:-cc} $warn $extra "$root/examples/search.c" $(pkg-config --cflags --libs liken) -o "$dir/search"
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"$dir/search" --help | grep -q "^liken [0-9]" || fail "the example does not run"

say "the header in C++"
echo '#include <liken.h>' >"$dir/header.cc"
echo 'int main() { return liken_version() == nullptr; }' >>"$dir/header.cc"
# shellcheck disable=SC2046,SC2086
${CXX:-c++} $warn $extra "$dir/header.cc" $(pkg-config --cflags --libs liken) -o "$dir/header" && "$dir/header"

say "examples/search.c against the static library"
mkdir "$dir/static"
cp "$lib/libliken.a" "$dir/static/"
# the linker prefers a shared library in the same folder, so the static one is looked for alone
# shellcheck disable=SC2046,SC2086
${CC:-cc} $warn $extra "$root/examples/search.c" $(pkg-config --cflags liken) -L"$dir/static" $(pkg-config --static --libs-only-l --libs-only-other liken) -o "$dir/search-static"
if ldd "$dir/search-static" | grep -q libliken; then fail "the static example takes the shared library"; fi
"$dir/search-static" --help | grep -q "^liken [0-9]" || fail "the static example does not run"

say "the program finds the decoder that was installed with it, and names it when it is gone"
decoder=$(find "$dir/stage" -name liken-decode -type f)
[ -n "$decoder" ] || fail "no liken-decode was installed"
program=$(find "$dir/stage" -path '*/bin/liken')
export LIKEN_DATA="$dir/none"
"$program" doctor >"$dir/doctor" || true # packs may be missing
grep -q "^good  sandbox: .* $decoder," "$dir/doctor" || { cat "$dir/doctor"; fail "the installed decoder is not used"; }
mkdir "$dir/away" && mv "$decoder" "$dir/away/"
"$program" doctor >"$dir/doctor" || true
grep -q "^bad   sandbox: .*liken-decode.* is missing: " "$dir/doctor" || { cat "$dir/doctor"; fail "a missing decoder is not told"; }
mv "$dir/away/liken-decode" "$decoder"
# the static example lies outside of the stage, where its decoder would be looked for in the real place
static() { LIKEN_DECODE="$decoder" "$dir/search-static" "$@"; }

if [ -n "${LIKEN_MODELS:-}" ] && photo=$(find "$LIKEN_MODELS" -path '*samples*' -name '*.jpg' | sort | head -1) && [ -n "$photo" ]; then
    say "a real search, with the packs in LIKEN_MODELS"
    "$dir/search" "$dir/gallery" "$photo" "$photo" >"$dir/answer" || { cat "$dir/answer"; fail "the search failed"; }
    grep -q "^  0.000  $photo" "$dir/answer" || { cat "$dir/answer"; fail "the photo did not find itself"; }
    static "$dir/gallery" "$photo" | grep -q "^  0.000  $photo" || fail "the static example finds nothing"
else
    say "no real search: LIKEN_MODELS names no installed pack with samples"
fi
say ok
