#!/bin/sh
# valgrind over an add-search-delete round: the gallery's unit tests (real store and index, no weights), and, with
# LIKEN_MODELS, the library and the program on a photo of the packs' samples. Any invalid access or lost block fails.
#
#   tests/valgrind.sh BUILD      (a meson build folder whose targets are built, without sanitizers)
set -eu
build=$(cd "${1:?usage: tests/valgrind.sh BUILD}" && pwd)
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# valgrind knows no AVX-512; what libraries keep for the life of the process is reachable and no leak
export LIKEN_CPU=avx2
check() {
    echo "valgrind: $*"
    valgrind -q --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=99 \
        "$@" >"$dir/out" 2>&1 || { tail -60 "$dir/out"; exit 1; }
}

check "$build/tests/unit/test_gallery_gallery"
check "$build/tests/unit/test_gallery_threads"

photo=$([ -z "${LIKEN_MODELS:-}" ] || find "$LIKEN_MODELS" -path '*samples*' -name '*.jpg' | sort | head -1)
if [ -z "$photo" ]; then
    echo "valgrind: no round with real photos: LIKEN_MODELS names no installed pack with samples"
    exit 0
fi
# a quarter of its size: the networks run a hundred times slower here
djpeg -scale 1/4 "$photo" | cjpeg -quality 95 >"$dir/small.jpg" && photo="$dir/small.jpg"
# the example adds and searches in one process, so the networks are loaded once
export LIKEN_DATA="$dir/gallery" LD_LIBRARY_PATH="$build/src${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
${CC:-cc} -Iinclude examples/search.c -L"$build/src" -lliken -o "$dir/search"
check "$dir/search" "$LIKEN_DATA" "$photo" "$photo"
grep -q "^  0.000  $photo" "$dir/out" || { cat "$dir/out"; echo "the photo did not find itself"; exit 1; }
check "$build/liken" rm --yes 1
if "$build/liken" list | grep -q "$photo"; then echo "the photo is there after it was removed"; exit 1; fi
echo "valgrind: ok"
