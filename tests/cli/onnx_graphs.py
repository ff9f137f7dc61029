"""Embedding networks with random weights, built as the well-known ones are, for tests of packs that users bring. Needs
onnx and numpy. Each function gives (bytes of the ONNX file, side of the photo, numbers of the descriptor)."""
import numpy
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes in the order in which they are added; values are named after their numbers."""

    def __init__(self, side, seed, opset=13, batch="batch"):
        self.side, self.opset, self.batch = side, opset, batch
        self.random = numpy.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, array, kind=numpy.float32):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(numpy.asarray(array, dtype=kind), name))
        return name

    def node(self, op, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(op, list(inputs), [f"v{self.count}"], f"{op}_{self.count}", **attributes))
        return f"v{self.count}"

    def numbers(self, *shape, fan=1, about=0.0):
        return self.constant(self.random.normal(about, 1 / numpy.sqrt(fan), shape))

    def conv(self, x, channels_in, out, size=3, stride=1, group=1, bias=False, pad=None, **attributes):
        size = (size, size) if isinstance(size, int) else size
        pad = [s // 2 for s in size] * 2 if pad is None else pad
        per = channels_in // group
        inputs = [x, self.numbers(out, per, *size, fan=per * size[0] * size[1] / 2)]
        inputs += [self.numbers(out, fan=10)] if bias else []
        return self.node("Conv", *inputs, kernel_shape=list(size), strides=[stride, stride], pads=pad, group=group, **attributes)

    def norm(self, x, channels):
        random = self.random
        numbers = [random.uniform(0.5, 1.5, channels), random.normal(0, 0.1, channels), random.normal(0, 0.1, channels),
                   random.uniform(0.5, 1.5, channels)]
        return self.node("BatchNormalization", x, *map(self.constant, numbers), epsilon=2e-5)

    def prelu(self, x, channels):
        return self.node("PRelu", x, self.constant(self.random.uniform(-0.1, 0.4, (channels, 1, 1))))

    def ints(self, *values):
        return self.constant(values, numpy.int64)

    def model(self, output, dimension):
        photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [self.batch, 3, self.side, self.side])
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, [self.batch, dimension])
        graph = helper.make_graph(self.nodes, "made for a test", [photo], [made], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        return model.SerializeToString(), self.side, dimension


def iresnet50(seed=1, widths=(16, 16, 32, 64, 128), depths=(3, 4, 14, 3), side=112, dimension=128):
    """Blocks of normalisation, convolution, normalisation, PReLU, convolution, normalisation, and a sum; then one fully
    connected layer over all that is left (insightface's iResNet; ArcFace, AdaFace)."""
    g = Graph(side, seed)
    x = g.prelu(g.norm(g.conv("photo", 3, widths[0]), widths[0]), widths[0])
    before = widths[0]
    for width, depth in zip(widths[1:], depths):
        for i in range(depth):
            stride = 2 if i == 0 else 1
            y = g.conv(g.norm(x, before), before, width)
            y = g.prelu(g.norm(y, width), width)
            y = g.norm(g.conv(y, width, width, stride=stride), width)
            if i == 0:
                x = g.norm(g.conv(x, before, width, 1, stride), width)
            x, before = g.node("Add", y, x), width
    x = g.node("Flatten", g.node("Dropout", g.norm(x, before)), axis=1)
    pixels = (side // 16) ** 2
    x = g.node("Gemm", x, g.numbers(dimension, before * pixels, fan=before * pixels), g.numbers(dimension, fan=10), transB=1)
    return g.model(g.norm(x, dimension), dimension)


def mobilefacenet(seed=2, side=112, dimension=64):
    """Blocks that widen, look around each channel alone and narrow; at the end each channel by a window as large as the
    map (MobileFaceNet; SFace, which scales the photo itself)."""
    g = Graph(side, seed, opset=11, batch=1)
    x = g.node("Mul", g.node("Sub", "photo", g.constant(127.5)), g.constant(0.0078125))
    x = g.prelu(g.norm(g.conv(x, 3, 32, stride=2), 32), 32)
    x = g.prelu(g.norm(g.conv(x, 32, 32, group=32), 32), 32)
    before = 32
    for out, wide, count, stride in ((32, 64, 3, 2), (48, 96, 1, 2), (48, 96, 2, 1), (48, 192, 1, 2), (48, 96, 2, 1)):
        for i in range(count):
            y = g.prelu(g.norm(g.conv(x, before, wide, 1), wide), wide)
            y = g.prelu(g.norm(g.conv(y, wide, wide, stride=stride if i == 0 else 1, group=wide), wide), wide)
            y = g.norm(g.conv(y, wide, out, 1), out)
            x = g.node("Add", x, y) if stride == 1 or i > 0 else y
            before = out
    x = g.prelu(g.norm(g.conv(x, before, 128, 1), 128), 128)
    x = g.norm(g.conv(x, 128, 128, side // 16, group=128, pad=[0] * 4), 128)
    x = g.norm(g.conv(x, 128, dimension, 1), dimension)
    shape = g.node("Concat", g.node("Unsqueeze", g.node("Gather", g.node("Shape", x), g.constant(0, numpy.int64), axis=0), axes=[0]),
                   g.ints(-1), axis=0)
    return g.model(g.node("Reshape", x, shape), dimension)


def squeezed(seed=3, side=96, dimension=48):
    """Squeeze and excitation, hard-swish and SiLU in all their spellings, pools with borders, kernels of all kinds, and a
    descriptor of unit length."""
    g = Graph(side, seed, opset=14)
    hard = lambda x: g.node("HardSwish", x)
    spelt = lambda x: g.node("Div", g.node("Mul", x, g.node("Clip", g.node("Add", x, g.constant(3.0)), g.constant(0.0), g.constant(6.0))), g.constant(6.0))
    silu = lambda x: g.node("Mul", x, g.node("Sigmoid", x))

    def excite(x, channels):
        gate = g.node("Relu", g.conv(g.node("GlobalAveragePool", x), channels, 8, 1, bias=True))
        return g.node("Mul", x, g.node("HardSigmoid", g.conv(gate, 8, channels, 1, bias=True), alpha=1 / 6))

    x = hard(g.norm(g.conv("photo", 3, 20, (3, 5), 2, bias=True), 20))
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = spelt(g.conv(x, 20, 20, 5, group=20))
    x = excite(silu(g.conv(x, 20, 40, 3, group=4, dilations=[2, 2], pad=[2] * 4)), 40)
    y = g.node("Clip", g.conv(x, 40, 40, 7, group=40, stride=2), g.constant(0.0), g.constant(6.0))
    x = g.node("Add", y, g.node("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    x = g.node("LeakyRelu", g.norm(g.conv(x, 40, 64, (1, 3)), 64), alpha=0.2)
    x = g.node("Relu", g.conv(g.node("Relu", x), 64, 64, (3, 1), bias=True))
    x = g.node("Sub", x, g.conv(x, 64, 64, 3)) if False else g.node("Sub", x, g.constant(0.25))
    x = g.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = g.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    x = g.node("Add", g.node("MatMul", x, g.numbers(64, dimension, fan=64)), g.numbers(dimension, fan=4))
    length = g.node("Clip", g.node("ReduceL2", x, axes=[1], keepdims=1), g.constant(1e-12))
    return g.model(g.node("Div", x, g.node("Expand", length, g.node("Shape", x))), dimension)


def halves(seed=4, side=64, dimension=16):
    """Weights of float16, as some are kept, with casts."""
    g = Graph(side, seed)
    half = lambda *shape, fan: g.node("Cast", g.constant(g.random.normal(0, 1 / numpy.sqrt(fan), shape), numpy.float16), to=TensorProto.FLOAT)
    x = g.node("Relu", g.node("Conv", "photo", half(16, 3, 3, 3, fan=14), strides=[2, 2], pads=[1, 1, 1, 1]))
    x = g.node("Relu", g.node("Conv", x, half(32, 16, 3, 3, fan=72), strides=[2, 2], auto_pad="SAME_UPPER"))
    x = g.node("Flatten", g.node("GlobalMaxPool", x))
    return g.model(g.node("LpNormalization", g.node("Gemm", x, half(32, dimension, fan=32)), axis=1), dimension)


NETWORKS = {"iresnet50": iresnet50, "mobilefacenet": mobilefacenet, "squeezed": squeezed, "halves": halves}
