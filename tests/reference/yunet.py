#!/usr/bin/env python3
"""YuNet by ONNX Runtime on the synthetic photos of tests/unit/nn/models.h: prints a C table for the unit tests.

usage: yunet.py YUNET.onnx > tests/unit/nn/reference_yunet.h      (needs numpy and onnxruntime)
"""
import sys

import numpy
import onnxruntime

from photo import photo, table, sample

OUTPUTS = [f"{kind}_{stride}" for stride in (8, 16, 32) for kind in ("cls", "obj", "bbox", "kps")]


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    print(f"/* Made by tests/reference/yunet.py with ONNX Runtime {onnxruntime.__version__}: do not edit. */")
    for n in (0, 1):
        rgb = photo(n, 640, 640)
        x = numpy.ascontiguousarray(rgb[:, :, ::-1].transpose(2, 0, 1)[None].astype(numpy.float32))
        for name, values in zip(OUTPUTS, session.run(OUTPUTS, {"input": x})):
            table(f"yunet_{n}_{name}", sample(values))


main()
