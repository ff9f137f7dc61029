#!/bin/sh
# One benchmark, on an optimised build of its own; prints a table and writes BUILD/bench/NAME.json.
# usage: tools/bench.sh BUILD hash|nn|eyes|pipeline|score|search|store
# From the environment: N= (search, store), ENGINE= (store), KIND=, QUERIES=, RIVALS= (search), OLD= (eyes).
set -eu
build=$1
name=$2
root=$(cd "$(dirname "$0")/.." && pwd)
fast=$build/release

"$root/tools/deps.sh" bench
[ -f "$fast/build.ninja" ] || meson setup "$fast" "$root" -Dbuildtype=release -Dtests=false -Dbench=true -Dweb=disabled
ninja -C "$fast"
mkdir -p "$build/bench"

case "$name" in
nn | eyes | pipeline | store) "$root/bench/$name/run.py" "$fast" && cp "$fast/bench/$name.json" "$build/bench/$name.json" ;;
score) exec "$fast/bench/pipeline/bench_score" ;;
hash) exec "$fast/bench/hash/bench_hash" "$build/bench/hash.json" ;;
search) exec "$fast/bench/search/bench_search" "$build/bench/search.json" ;;
*) echo "bench.sh: there is no benchmark $name" >&2; exit 2 ;;
esac
