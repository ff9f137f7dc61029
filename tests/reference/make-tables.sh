#!/bin/sh
# make-tables.sh PACKS [TO] - runs the reference implementations and writes their tables to TO (default tests/unit/nn).
# PACKS: the folder of installed model packs (faceapi, yunet, dlib). A reference that cannot be had is named and left out.
set -eu
packs=$(realpath -m "$1")
here=$(realpath "$(dirname "$0")")
to=$(realpath "${2:-$here/../unit/nn}")
work=$here/../../build/reference
mkdir -p "$work"

if [ ! -d "$work/node_modules" ]; then
  cp "$here/package.json" "$work/"
  (cd "$work" && npm install --silent --no-audit --no-fund) || true
fi
if node "$here/faceapi.mjs" "$work" > "$work/faceapi.h" 2> "$work/faceapi.log"; then
  mv "$work/faceapi.h" "$to/reference_faceapi.h"
else
  echo "face-api: not available, see $work/faceapi.log"
fi

if [ ! -x "$work/venv/bin/python" ]; then
  python3 -m venv "$work/venv" && "$work/venv/bin/pip" -q install numpy==2.4.6 onnxruntime==1.32.0 || true
fi
if "$work/venv/bin/python" "$here/yunet.py" "$packs/yunet/yunet_n_640_640.onnx" > "$work/yunet.h" 2> "$work/yunet.log"; then
  mv "$work/yunet.h" "$to/reference_yunet.h"
else
  echo "ONNX Runtime: not available, see $work/yunet.log"
fi
if "$work/venv/bin/python" "$here/reid.py" "${LIKEN_MODEL_MIRROR:-$packs}/reference/face-reidentification-retail-0095.onnx" \
  > "$work/reid.h" 2> "$work/reid.log"; then
  mv "$work/reid.h" "$to/reference_reid.h"
else
  echo "the network of the pack reid as ONNX: not available, see $work/reid.log"
fi

if "$work/venv/bin/python" "$here/liveness.py" "${LIKEN_MODEL_MIRROR:-$packs}/reference" > "$work/liveness.h" \
  2> "$work/liveness.log"; then
  mv "$work/liveness.h" "$to/reference_liveness.h"
else
  echo "the networks of the packs antispoof and mesh as ONNX: not available, see $work/liveness.log"
fi

if g++ -O2 -o "$work/dlib_resnet" "$here/dlib_resnet.cpp" -ldlib -lblas -llapack 2> "$work/dlib.log" &&
  "$work/dlib_resnet" "$packs/dlib/dlib_face_recognition_resnet_model_v1.dat" > "$work/dlib.h" 2>> "$work/dlib.log"; then
  mv "$work/dlib.h" "$to/reference_dlib.h"
else
  echo "dlib: not available (install libdlib-dev), see $work/dlib.log"
fi
