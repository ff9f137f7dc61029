#!/usr/bin/env python3
"""The networks of the packs antispoof and mesh by ONNX Runtime on the synthetic photos of tests/unit/nn/models.h: prints C
tables for the unit tests.

usage: liveness.py FOLDER > tests/unit/nn/reference_liveness.h      (needs numpy and onnxruntime)
FOLDER: mfas_v2.onnx and mfas_v1se.onnx (blue first, 0..255), hm_facemesh.onnx (red first, 0..1), all float32.
"""
import pathlib
import sys

import numpy
import onnxruntime

from photo import photo, sample, table

NETWORKS = (("minifas_v2", "mfas_v2.onnx", 80, True, 1), ("minifas_v1se", "mfas_v1se.onnx", 80, True, 1),
            ("mesh", "hm_facemesh.onnx", 192, False, 255))


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    print(f"/* Made by tests/reference/liveness.py with ONNX Runtime {onnxruntime.__version__}: do not edit. */")
    for name, file, side, blue_first, scale in NETWORKS:
        path = str(pathlib.Path(sys.argv[1]) / file)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for n in (0, 1, 2):
            seen = photo(n, side, side)[:, :, ::-1] if blue_first else photo(n, side, side)
            x = numpy.ascontiguousarray(seen.transpose(2, 0, 1)[None].astype(numpy.float32) / scale)
            table(f"{name}_{n}", sample(session.run(None, {session.get_inputs()[0].name: x})[0]))


main()
