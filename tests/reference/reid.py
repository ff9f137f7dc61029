#!/usr/bin/env python3
"""The descriptor network of the pack reid by ONNX Runtime on the synthetic photos of tests/unit/nn/models.h: prints a C
table for the unit tests.

usage: reid.py REID.onnx > tests/unit/nn/reference_reid.h      (needs numpy and onnxruntime)
REID.onnx: the weights of the pack as an ONNX graph of float32, blue first, 0..255.
"""
import sys

import numpy
import onnxruntime

from photo import photo, table


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    print(f"/* Made by tests/reference/reid.py with ONNX Runtime {onnxruntime.__version__}: do not edit. */")
    for n in (0, 1, 2):
        bgr = photo(n, 128, 128)[:, :, ::-1]
        x = numpy.ascontiguousarray(bgr.transpose(2, 0, 1)[None].astype(numpy.float32))
        table(f"reid_descriptor_{n}", session.run(None, {session.get_inputs()[0].name: x})[0].reshape(-1))


main()
