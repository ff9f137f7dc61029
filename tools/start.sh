#!/bin/sh
# make start: models, sample photos, one real search, then the server in the foreground.
# usage: tools/start.sh BUILD_FOLDER [PORT]
set -eu
build=$1
liken=$build/liken
LIKEN_DATA=$build/demo
export LIKEN_DATA

"$liken" models install
models=$("$liken" models list --json | python3 -c 'import json,sys,os; print(next(os.path.dirname(p["path"]) for p in json.load(sys.stdin) if p["name"]=="faceapi"))')
samples=$models/faceapi/samples

echo
echo "Adding the sample photos in $samples"
"$liken" add "$samples"
echo
echo "Searching for the faces of $samples/sample1.jpg"
"$liken" search "$samples/sample1.jpg"
echo
echo "Starting the server on this gallery ($LIKEN_DATA). Stop it with Ctrl-C."
exec "$liken" serve ${PORT:+--port "$PORT"}
