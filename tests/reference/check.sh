#!/bin/sh
# check.sh PACKS - makes the tables of reference values afresh and compares each number with the committed one (1e-5).
# Exit status 77 (skipped) where no reference can be had.
set -eu
here=$(realpath "$(dirname "$0")")
fresh=$(mktemp -d)
trap 'rm -r "$fresh"' EXIT
"$here/make-tables.sh" "$1" "$fresh"
compared=0
for table in "$here"/../unit/nn/reference_*.h; do
  new=$fresh/$(basename "$table")
  [ -f "$new" ] || continue
  compared=$((compared + 1))
  python3 - "$table" "$new" <<'PYTHON'
import re, sys
old, new = ([float(x) for x in re.findall(r"(-?\d[\d.e+-]*)f,", open(p).read())] for p in sys.argv[1:])
worst = max((abs(a - b) for a, b in zip(old, new)), default=1)
print(f"{sys.argv[1].rsplit('/', 1)[1]}: {len(new)} values, largest difference {worst:.1e}")
sys.exit(len(old) != len(new) or worst > 1e-5)
PYTHON
done
if [ "$compared" -eq 0 ]; then
  echo "skipped: none of the reference implementations can be had; the committed tables stand in"
  exit 77
fi
