#!/bin/sh
# make start: models, sample photos, one real search, then the server in the foreground.
# usage: tools/start.sh BUILD_FOLDER [PORT]
set -eu
build=$1
liken=$build/liken
LIKEN_DATA=$build/demo
export LIKEN_DATA

"$liken" models install
faceapi=$("$liken" models list --json | python3 -c 'import json,sys; print(next(p["path"] or "" for p in json.load(sys.stdin) if p["name"]=="faceapi"))')
samples=$faceapi/samples

echo
if [ -n "$faceapi" ]; then
  echo "Adding the sample photos in $samples"
  "$liken" add "$samples"
  echo
  echo "Searching for the faces of $samples/sample1.jpg"
  "$liken" search "$samples/sample1.jpg"
else
  echo "The sample photos come with the pack faceapi, which could not be had: add your own with $liken add."
fi
echo
echo "Starting the server on this gallery ($LIKEN_DATA). Stop it with Ctrl-C."
# the samples lie on this disk, so the pages may show them as large as they are
exec "$liken" serve ${PORT:+--port "$PORT"} ${faceapi:+--photo-folders "$samples"}
