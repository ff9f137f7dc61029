#!/usr/bin/env python3
"""Writes the seeds of the targets of this folder: small weights files of the right build, with made-up values.

usage: seeds.py CORPUS_FOLDER
"""
import json
import pathlib
import struct
import sys


def write(folder, name, data):
    path = pathlib.Path(sys.argv[1]) / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(data)


def floats(count):
    return struct.pack(f"<{count}f", *((i % 7 - 3) / 8 for i in range(count)))


# ---- tensorflow.js: size of the manifest, manifest, binary ----


def tfjs(weights, binary):
    manifest = json.dumps([{"weights": weights, "paths": ["x.bin"]}]).encode()
    return struct.pack("<I", len(manifest)) + manifest + binary


def byte_tensor(name, shape, kind="uint8"):
    return {"name": name, "shape": shape, "dtype": "float32", "quantization": {"dtype": kind, "scale": 0.01, "min": -1.2}}


write("nn_tfjs", "bytes", tfjs([byte_tensor("a/filters", [3, 3, 2, 4]), byte_tensor("a/bias", [4])], bytes(range(76))))
write("nn_tfjs", "floats", tfjs([{"name": "fc", "shape": [4, 2], "dtype": "float32"}], floats(8)))
write("nn_tfjs", "mixed", tfjs([byte_tensor("w", [5], "uint16"), {"name": "one", "shape": [], "dtype": "float32"}], bytes(14)))
write("nn_tfjs", "short", tfjs([byte_tensor("w", [1000])], bytes(10)))

# ---- ONNX: protocol buffers ----


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def initializer(name, shape, kind=1, raw=None, packed=False):
    count = 1
    for side in shape:
        count *= side
    dims = field(1, b"".join(varint(s) for s in shape)) if packed else b"".join(field(1, s) for s in shape)
    return dims + field(2, kind) + field(8, name.encode()) + field(9, floats(count) if raw is None else raw)


def onnx(*tensors):
    graph = field(2, b"graph") + b"".join(field(5, t) for t in tensors)
    return field(1, 6) + field(2, b"seed") + field(7, graph) + field(8, field(1, b"") + field(2, 11))


write("nn_onnx", "two", onnx(initializer("459", [16, 3, 3, 3]), initializer("460", [16])))
write("nn_onnx", "packed", onnx(initializer("w", [2, 2], packed=True), initializer("shape", [3], 7, bytes(24))))
write("nn_onnx", "scalar", onnx(initializer("s", []), initializer("empty", [0])))
write("nn_onnx", "short", onnx(initializer("w", [1 << 20, 1 << 20], raw=bytes(8))))

# ---- ONNX: whole networks, of photos of 16 pixels to 8 numbers ----


def attribute(name, value):
    if isinstance(value, float):
        return field(1, name.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, list):
        return field(1, name.encode()) + b"".join(field(8, v) for v in value)
    return field(1, name.encode()) + field(4 if isinstance(value, bytes) else 3, value)


def node(op, inputs, output, **attributes):
    return (b"".join(field(1, i.encode()) for i in inputs.split()) + field(2, output.encode()) + field(4, op.encode())
            + b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))


def network(nodes, tensors, opset=13):
    dims = field(1, field(2, b"batch")) + b"".join(field(1, field(1, d)) for d in (3, 16, 16))
    photo = field(1, b"photo") + field(2, field(1, field(1, 1) + field(2, dims)))
    graph = (b"".join(field(1, n) for n in nodes) + field(2, b"graph") + b"".join(field(5, t) for t in tensors)
             + field(11, photo) + field(12, field(1, b"out")))
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, opset))


def whole(*values):
    return struct.pack(f"<{len(values)}q", *values)


write("nn_onnx", "connected", network(
    [node("Sub", "photo half", "a"), node("Conv", "a k", "b", strides=[2, 2], pads=[1, 1, 1, 1]),
     node("BatchNormalization", "b s s s v", "c", epsilon=0.001), node("PRelu", "c p", "d"),
     node("Conv", "d e", "f", group=8, pads=[1, 1, 1, 1]), node("Add", "f d", "g"), node("MaxPool", "g", "h", kernel_shape=[2, 2], strides=[2, 2]),
     node("Flatten", "h", "i"), node("Gemm", "i m", "out", transB=1)],
    [initializer("half", []), initializer("k", [8, 3, 3, 3]), initializer("s", [8]), initializer("v", [8], raw=struct.pack("<8f", *[1] * 8)),
     initializer("p", [8, 1, 1]), initializer("e", [8, 1, 3, 3]), initializer("m", [8, 128])]))
write("nn_onnx", "squeezed", network(
    [node("Conv", "photo k", "a", auto_pad=b"SAME_UPPER", strides=[4, 4]), node("GlobalAveragePool", "a", "b"), node("Conv", "b q", "c"),
     node("Sigmoid", "c", "d"), node("Mul", "a d", "e"), node("HardSwish", "e", "f"), node("Clip", "f zero six", "g"),
     node("AveragePool", "g", "h", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), node("Conv", "h w", "i", group=8),
     node("Shape", "i", "j"), node("Gather", "j first", "l"), node("Unsqueeze", "l first", "n"), node("Concat", "n rest", "o", axis=0),
     node("Reshape", "i o", "r"), node("ReduceL2", "r", "t", axes=[1], keepdims=1), node("Div", "r t", "out")],
    [initializer("k", [8, 3, 3, 3]), initializer("q", [8, 8, 1, 1]), initializer("zero", [], raw=struct.pack("<f", 0)),
     initializer("six", [], raw=struct.pack("<f", 6)), initializer("w", [8, 1, 4, 4]), initializer("first", [], 7, whole(0)),
     initializer("rest", [1], 7, whole(-1))]))
kernel, row = initializer("k", [8, 3, 3, 3]), initializer("m", [8, 392])
write("nn_onnx", "twice", network(
    [node("Conv", "photo k", "a"), node("Conv", "a e", "a", group=8, strides=[4, 4]), node("Flatten", "a", "b"), node("Gemm", "b n", "out", transB=1)],
    [kernel, initializer("e", [8, 1, 2, 2]), initializer("n", [8, 128])]))
write("nn_onnx", "circle", network(
    [node("Conv", "photo k", "a", strides=[2, 2]), node("Identity", "a", "a") + field(2, b"b"), node("Flatten", "b", "c"), node("Gemm", "c m", "out", transB=1)], [kernel, row]))
write("nn_onnx", "varint_bias", network(
    [node("Conv", "photo k e", "a", strides=[2, 2]), node("Flatten", "a", "b"), node("Gemm", "b m", "out", transB=1)],
    [kernel, row, field(1, 8) + field(2, 6) + field(8, b"e") + field(5, bytes(8))]))
write("nn_onnx", "elsewhere", network([node("Conv", "photo k", "out")], [initializer("k", [8, 3, 16, 16], raw=b"") + field(14, 1)]))

# ---- dlib ----


def integer(value):
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def text(value):
    return integer(len(value)) + value.encode()


def number(mantissa, exponent):
    return integer(mantissa) + integer(exponent)


def tensor(shape):
    count = 1
    for side in shape:
        count *= side
    return b"".join(map(integer, [2, *shape])) + floats(count)


EMPTY = tensor([0, 0, 0, 0])
ONE = number(1, 0)


def alias(shape):
    return b"".join(map(integer, [1, *shape]))


def layer(kind, details, first=False):
    return text(kind) + details + b"110" + EMPTY * 3 + (integer(1) if first else b"")


def conv(out, inputs, side, first=False):
    params = tensor([out * inputs * side * side + out, 1, 1, 1])
    sizes = b"".join(map(integer, [out, side, side, 1, 1, 0, 0]))
    return layer("con_4", params + sizes + alias([out, inputs, side, side]) + alias([1, out, 1, 1]) + ONE * 4, first)


def affine(channels):
    return layer("affine_", tensor([2 * channels, 1, 1, 1]) + alias([1, channels, 1, 1]) * 2 + integer(0))


def pool(kind):
    return layer(kind, b"".join(map(integer, [2, 2, 2, 2, 0, 0])))


def matrix(inputs, outputs):
    shape = integer(outputs) + integer(inputs)
    return layer("fc_2", shape + tensor([inputs, outputs, 1, 1]) + alias([inputs, outputs, 1, 1]) + alias([0, 0, 0, 0]) + integer(1) + ONE * 4)


def dlib(layers, versions=40):
    start = integer(1) + text("loss_metric_2") + number(5, -7) + number(5, -3) + integer(2) * versions
    means = number(122782, -10) + number(117001, -10) + number(104298, -10)
    return start + text("input_rgb_image_sized") + means + integer(150) * 2 + layers


whole = b"".join(conv(2, 2, 1, i == 0) + affine(2) + layer("relu_", b"") for i in range(29)) + matrix(2, 3)
write("nn_dlib", "whole", dlib(whole))
write("nn_dlib", "start", dlib(conv(2, 3, 3, True) + affine(2) + layer("relu_", b"") + pool("max_pool_2") + pool("avg_pool_2")))
write("nn_dlib", "no_layers", dlib(b""))
write("nn_dlib", "large", dlib(text("con_4") + b"".join(map(integer, [2, 1 << 30, 1 << 30, 1, 1]))))

# ---- tables of places: flags, layers less one, twelve bytes a layer, values ----

DENSE, EXPAND, DEPTH, WHOLE, SQUEEZE, EXCITE = range(6)
HALVES, CHANNELS_FIRST, AFFINE, ONE_SLOPE, NORMALISED = 1, 2, 4, 8, 16
BIAS, SLOPE, ADD = 1, 2, 4


def blob_layer(kind, inputs, outputs, side, has, weights=0, bias=0, slope=0, norm=0):
    return bytes([kind, inputs - 1, outputs - 1, side - 1, has, norm]) + struct.pack(">3H", weights, bias, slope)


def blob(flags, layers, values):
    return bytes([flags, len(layers) - 1]) + b"".join(layers) + values


def halves(count):
    return struct.pack(f"<{count}e", *((i % 7 - 3) / 8 for i in range(count)))


block = [blob_layer(EXPAND, 4, 8, 1, BIAS | SLOPE), blob_layer(DEPTH, 8, 8, 3, BIAS | SLOPE), blob_layer(DENSE, 8, 4, 1, BIAS),
         blob_layer(SQUEEZE, 4, 2, 1, BIAS | SLOPE), blob_layer(EXCITE, 2, 4, 1, BIAS | ADD)]
values = 32 + 9 + 72 + 9 + 32 + 4 + 8 + 3 + 8 + 4
write("nn_blob", "block", blob(HALVES | CHANNELS_FIRST | AFFINE | ONE_SLOPE, block, halves(6 + values)))
write("nn_blob", "places", blob(0, [blob_layer(DENSE, 3, 2, 3, BIAS | SLOPE, 16, 8, 232)], floats(60)))
write("nn_blob", "whole", blob(CHANNELS_FIRST, [blob_layer(WHOLE, 5, 5, 7, BIAS)], floats(250)))
write("nn_blob", "normalised", blob(NORMALISED | CHANNELS_FIRST, [blob_layer(DENSE, 2, 3, 1, BIAS, norm=36)], floats(60)))
write("nn_blob", "short", blob(HALVES, block, halves(values - 1)))
