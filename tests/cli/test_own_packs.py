"""Packs that users bring: an embedding network out of an ONNX file, against ONNX Runtime, and all that is said of files that
liken does not run."""
import csv
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

from conftest import BIN, MODELS

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
import onnx_graphs  # noqa: E402  (needs onnx)

RUN = BIN.parent / "tests" / "unit" / "nn" / "onnx_run"
FACES = pathlib.Path(os.environ.get("LIKEN_FACES") or "/nonexistent")


def run(tmp_path, network, chips, mean=127.5, scale=1 / 128, order="rgb", batch=4, level=None):
    """(descriptors, what is said on standard error) of tests/unit/nn/onnx_run.c."""
    if not RUN.exists():
        pytest.skip(f"{RUN} is not built")
    data, side, numbers = network
    file = tmp_path / "network.onnx"
    file.write_bytes(data)
    argv = [RUN, file, side, numbers, mean, repr(scale), order, batch]
    done = subprocess.run([str(a) for a in argv], input=chips.tobytes(), capture_output=True, check=False, timeout=300,
                          env={**os.environ, **({"LIKEN_CPU": level} if level else {})})
    assert done.returncode in (0, 1), done
    return numpy.frombuffer(done.stdout, numpy.float32).reshape(-1, numbers), done.stderr.decode()


def chips_of(side):
    """Five of noise, ramps and stripes of all colours."""
    random = numpy.random.default_rng(side)
    chips = random.integers(0, 256, (5, side, side, 3), dtype=numpy.uint8)
    chips[1] = (numpy.arange(side)[:, None, None] * 2 + numpy.arange(3) * 60) % 256
    chips[2, :, ::8] = 255
    return chips


def runtime(data, chips, mean, scale, order):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(data, options)
    seen = (chips.astype(numpy.float32) - mean) * numpy.float32(scale)
    seen = seen[..., ::-1] if order == "bgr" else seen
    return numpy.concatenate([session.run(None, {"photo": numpy.ascontiguousarray(s.transpose(2, 0, 1)[None])})[0] for s in seen])


@pytest.mark.parametrize("name", sorted(onnx_graphs.NETWORKS))
def test_a_network_is_what_onnx_runtime_makes_of_it(tmp_path, name):
    network = onnx_graphs.NETWORKS[name]()
    chips = chips_of(network[1])
    mean, scale = (0, 1) if name == "mobilefacenet" else (127.5, 1 / 128)  # it scales the photo itself
    for order in ("rgb", "bgr"):
        expected = runtime(network[0], chips, mean, scale, order)
        size = numpy.abs(expected).max()
        for level, batch in (("scalar", 1), (None, 1), (None, 4), ("avx2", 3)):
            if level == "scalar" and order == "bgr":
                continue  # slow, and the order is the builder's
            made, said = run(tmp_path, network, chips, mean, scale, order, batch, level)
            assert made.shape == expected.shape, said
            assert numpy.abs(made - expected).max() <= 1e-4 * size, (name, level, batch)
            unit = [v / numpy.linalg.norm(v, axis=1, keepdims=True) for v in (made, expected)]
            assert numpy.abs(unit[0] - unit[1]).max() <= 1e-4


# ---- what is refused, and how ----


def small(change=lambda g, x: x, numbers=8, **how):
    """A convolution, `change` of it, and a fully connected layer over 8 x 8 x 8."""
    g = onnx_graphs.Graph(16, 7, **how)
    x = change(g, g.conv("photo", 3, 8, stride=2))
    return g.model(g.node("Gemm", g.node("Flatten", x), g.numbers(8 * 64, numbers, fan=512)), numbers)


def changed(edit):
    """The small network's file, changed as a message."""
    data, side, numbers = small()
    model = onnx.load_from_string(data)
    edit(model)
    return model.SerializeToString(), side, numbers


def outside(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def photo_dims(*dims):
    def edit(model):
        for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, dims):
            dim.dim_value = value
    return changed(edit)


def dilated(g):
    """Kernels of two taps, 64 times as large with the zeros between them."""
    x = g.conv("photo", 3, 1 << 11, 1)
    for _ in range(2):
        x = g.node("Conv", x, g.numbers(1 << 11, 1 << 11, 1, 2), dilations=[7, 7], pads=[0, 0, 0, 7], kernel_shape=[1, 2])
    return x


REFUSED = {
    "not ONNX": (lambda: (b"\x89PNG\r\n\x1a\n" * 9, 16, 8), "damaged, or not an ONNX file"),
    "empty": (lambda: (b"", 16, 8), "damaged, or not an ONNX file"),
    "cut": (lambda: (small()[0][:-300], 16, 8), "damaged, or not an ONNX file"),
    "weights elsewhere": (lambda: changed(outside), "onnx.save(onnx.load('OLD.onnx'), 'NEW.onnx')"),
    "old opset": (lambda: small(opset=6), "opset 6; liken reads 7 to"),
    "new opset": (lambda: changed(lambda m: setattr(m.opset_import[0], "version", 99)), "opset 99"),
    "unknown operator": (lambda: small(lambda g, x: g.node("Softmax", x)), 'Node "Softmax_2" (Softmax) is an operator that liken does not'),
    "of another set": (lambda: small(lambda g, x: g.node("Relu", x, domain="com.example")), "another set of operators"),
    "odd name": (lambda: changed(lambda m: (setattr(m.graph.node[0], "op_type", "\x1b[31m"))), "(?[31m)"),
    "channels last": (lambda: photo_dims(1, 16, 16, 3), "but [batch, height, width, 3]"),
    "a batch of eight": (lambda: photo_dims(8), "always 8 photos"),
    "another side": (lambda: photo_dims(1, 3, 20, 20), "sees 20 x 20 pixels, and the pack's chip is 16 x 16"),
    "another length": (lambda: (*small(numbers=9)[:2], 8), "makes 9 numbers of a face, and the pack's dimension is 8"),
    "no row": (lambda: changed(lambda m: setattr(m.graph.output[0], "name", "v1")), "is not a descriptor"),
    "no such output": (lambda: changed(lambda m: setattr(m.graph.output[0], "name", "nobody")), "is not a descriptor"),
    "two photos": (lambda: changed(lambda m: m.graph.input.add().CopyFrom(m.graph.input[0]) or setattr(m.graph.input[1], "name", "b")), "several inputs"),
    "a wrong kernel": (lambda: small(lambda g, x: g.conv(x, 6, 8)), "does not fit the 8 channels"),
    "a large kernel": (lambda: small(lambda g, x: g.conv(x, 8, 8, 9)), "up to 8 x 8"),
    "two strides": (lambda: small(lambda g, x: g.node("MaxPool", x, kernel_shape=[2, 2], strides=[1, 2])), "strides that are not two equal"),
    "unequal maps": (lambda: small(lambda g, x: g.node("Add", x, g.conv(x, 8, 4))), "joins maps of 8 x 8 x 8 and 4 x 8 x 8"),
    "along the width": (lambda: small(lambda g, x: g.node("Add", x, g.numbers(8))), "one for each of 8 channels"),
    "an odd shape": (lambda: small(lambda g, x: g.node("Reshape", x, g.ints(1, 4, 16, 8))), "a shape that liken does not follow"),
    "a shape past all counting": (lambda: small(lambda g, x: g.node("Reshape", g.conv("photo", 3, 1 << 14, 1), g.ints(*[1 << 22] * 3, -1))), "a shape that liken does not follow"),
    "a million tensors": (lambda: (onnx.ModelProto(graph=onnx.GraphProto(initializer=[onnx.TensorProto()] * 10**6)).SerializeToString() + b"B\x02\x10\x0d", 16, 8), "than the 64 MiB of them"),
    "holes by the gigabyte": (lambda: small(lambda g, x: dilated(g)), "or 268435456 weights"),
    "from nowhere": (lambda: small(lambda g, x: g.node("Relu", "nobody")), 'reads "nobody", which no node before it makes'),
    "weights of the run": (lambda: small(lambda g, x: g.node("Conv", x, x)), "works out as it runs"),
    "activation first": (lambda: changed(lambda m: m.graph.node[0].CopyFrom(onnx.helper.make_node("Relu", ["photo"], ["v1"], "first"))), "works on the photo itself"),
    "training": (lambda: small(lambda g, x: g.node("BatchNormalization", x, *[g.numbers(8)] * 4, training_mode=1), opset=15), "export the network for inference"),
    "dropping out": (lambda: small(lambda g, x: g.node("Dropout", x, "", g.constant(True, bool))), "Dropout) is as it was while training"),
    "whole numbers": (lambda: small(lambda g, x: g.node("Cast", x, to=onnx.TensorProto.INT64)), "whole numbers of a map"),
    "a long row": (lambda: small(lambda g, x: g.node("Relu", g.node("Flatten", x))), "8 x 8 x 8 numbers in one row"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_not_run_is_named(tmp_path, what):
    make, sentence = REFUSED[what]
    made, said = run(tmp_path, make(), chips_of(16))
    assert len(made) == 0
    assert sentence in said
    assert said.endswith("\n") and said[:-1].isprintable()


def test_every_cut_of_a_file_is_refused(tmp_path):
    data, side, numbers = small()
    for size in range(0, len(data), max(1, len(data) // 40)):
        made, said = run(tmp_path, (data[:size], side, numbers), chips_of(side))
        assert len(made) == 0 and said


# ---- as a pack ----


def colours(order):
    """Three numbers: the means of the network's three channels."""
    g = onnx_graphs.Graph(16, 1)
    x = g.node("Conv", "photo", g.constant(numpy.eye(3).reshape(3, 3, 1, 1)))
    return g.model(g.node("Flatten", g.node("GlobalAveragePool", x)), 3)


@pytest.fixture
def pack(tmp_path, liken, samples):
    """Gives write(name, network, **descriptor), which makes a pack in the models folder of `liken`."""
    if not (MODELS / "yunet" / "pack.json").exists():
        pytest.skip("LIKEN_MODELS names no folder with the pack yunet")
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("faceapi", "yunet"):
        (folder / name).symlink_to(MODELS / name)
    liken.env["LIKEN_MODELS"] = str(folder)

    def write(name, network, files=None, **descriptor):
        data, side, numbers = network
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "a.onnx").write_bytes(data)
        about = {"dimension": numbers, "chip": side, "mean": [0, 0, 0], "scale": 1, "places": "arcface", **descriptor}
        text = {"name": name, "version": "1", "licence": "a test's own", "source": "a test", "files": files or [{"name": "a.onnx"}],
                "networks": [{"role": "descriptor", "kind": "embedding", "format": "onnx", "files": ["a.onnx"]}], "descriptor": about}
        (folder / name / "pack.json").write_text(json.dumps(text))
        return folder / name

    return write


def descriptors(liken, pack, photo):
    [answer] = liken.json("detect", "--describe", "--pack", pack, photo)
    return answer["model"], numpy.array([face["descriptor"] for face in answer["faces"]])


def test_a_pack_says_how_its_network_sees(liken, pack, samples):
    photo = samples / "sample1.jpg"
    pack("plain", colours("rgb"))
    model, plain = descriptors(liken, "plain", photo)
    assert model.startswith("plain-1/5/3/x1/")
    assert ((plain > 10) & (plain < 245)).all() and (plain[:, 0] > plain[:, 2]).all()  # skin is more red than blue
    pack("bgr", colours("bgr"), channels="bgr")
    assert numpy.allclose(descriptors(liken, "bgr", photo)[1], plain[:, ::-1], atol=1e-3)
    pack("shifted", colours("rgb"), mean=[10, 20, 30], scale=[0.5, 0.25, 2])
    assert numpy.allclose(descriptors(liken, "shifted", photo)[1], (plain - [10, 20, 30]) * [0.5, 0.25, 2], atol=1e-3)
    pack("unit", colours("rgb"), normalise=True)
    assert numpy.allclose(descriptors(liken, "unit", photo)[1], plain / numpy.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)
    # a pack that changes makes another model, so that old and new descriptors do not mix
    pack("plain", colours("rgb"), mean=[1, 0, 0])
    assert descriptors(liken, "plain", photo)[0] not in (model, "")


def test_a_sum_that_is_stated_is_checked(liken, pack, samples):
    data = colours("rgb")[0]
    good = hashlib.sha256(data).hexdigest()
    pack("mine", colours("rgb"), files=[{"name": "a.onnx", "sha256": good, "size": len(data)}])
    liken("models", "verify", "mine")
    pack("mine", colours("rgb"), files=[{"name": "a.onnx", "sha256": "0" * 64}])
    _, said = liken("models", "verify", "mine", code=1)
    assert "its sha256 is not the pinned one" in said
    _, said = liken("detect", "--describe", "--pack", "mine", samples / "sample1.jpg", code=1)
    assert "its sha256 is not the pinned one" in said


def test_a_fault_of_the_network_names_pack_and_file(liken, pack, samples):
    pack("mine", small(lambda g, x: g.node("Erf", x)))
    _, said = liken("detect", "--describe", "--pack", "mine", samples / "sample1.jpg", code=1)
    assert 'Model pack mine, a.onnx: Node "Erf_2" (Erf) is an operator that liken does not run' in said


@pytest.mark.parametrize("change, sentence", [
    ({"channels": "grb"}, "descriptor.channels is not one that this liken knows"), ({"scale": [1, 2]}, "descriptor.scale is neither a number nor three"),
    ({"metric": "cosine"}, "descriptor.metric is not one that this liken knows"), ({"places": "centre"}, "descriptor.places is not an array"),
    ({"normalise": "yes"}, "descriptor.normalise is not true or false"), ({"chip": 4000}, "descriptor.chip is out of range"),
    ({"calibration": {"l2": {}}}, "descriptor.calibration.normalized")])
def test_a_fault_of_the_pack_names_its_key(liken, pack, samples, change, sentence):
    pack("mine", colours("rgb"), **change)
    _, said = liken("detect", "--describe", "--pack", "mine", samples / "sample1.jpg", code=1)
    assert sentence in said


def pairs_of(folder, people):
    """A CSV file of two photos each of so many people of the labelled set, and the photos named absolutely."""
    file = folder / "pairs.csv"
    with open(FACES / "pairs.csv", newline="", encoding="utf-8") as rows, open(file, "w", newline="", encoding="utf-8") as out:
        writer, seen = csv.writer(out), set()
        writer.writerow(["file_a", "file_b", "same"])
        for row in csv.DictReader(rows):
            person = row["file_a"].rsplit("/", 1)[0]
            if row["source"] != "lfw-view2" or row["same"] != "1" or person in seen or len(seen) == people:
                continue
            seen.add(person)
            writer.writerow([FACES / row["file_a"], FACES / row["file_b"], 1])
    return file


def test_a_pack_is_calibrated_and_then_used(liken, pack, samples, tmp_path):
    if not (FACES / "pairs.csv").exists():
        pytest.skip("LIKEN_FACES does not name the folder of labelled photos")
    photo = samples / "sample1.jpg"
    folder = pack("mine", onnx_graphs.halves())
    _, said = liken("collections", "create", "party", "--pack", "mine", code=1)
    assert "liken models calibrate mine PAIRS.csv" in said
    assert "without a calibration" in liken("models", "list")[0]
    _, said = liken("models", "calibrate", "mine", pairs_of(tmp_path, 12), code=1)
    assert "a curve takes 10000" in said and not (folder / "calibration.json").exists()
    curves = {c["metric"]: c for c in liken.json("models", "calibrate", "mine", pairs_of(tmp_path, 80))}
    written = json.loads((folder / "calibration.json").read_text())
    for metric in ("normalized", "l2"):
        assert [p["fmr"] for p in written[metric]["points"]] == [p["fmr"] for p in curves[metric]["points"]]
        assert abs(written[metric]["threshold"] - curves[metric]["threshold"]) < 1e-6
        assert curves[metric]["fmr"] == 1e-3 and curves[metric]["strangers"] > 10000
    liken("collections", "create", "party", "--pack", "mine")
    added = liken.json("add", "--collection", "party", photo)[0]
    assert added["model"].startswith("mine-1/")
    [answer] = liken.json("search", "--collection", "party", photo)
    assert all(face["matches"][0]["distance"] < 1e-3 for face in answer["faces"])
    # another file under the same name makes other descriptors, and is not taken for the old one
    pack("mine", onnx_graphs.halves(seed=9))
    _, said = liken("search", "--collection", "party", photo, code=1)
    assert "cannot be compared" in said or "Install the pack" in said
    (folder / "calibration.json").write_text("{}")
    _, said = liken("detect", "--describe", "--pack", "mine", photo, code=1)
    assert "calibration.json: normalized is missing" in said


def test_what_has_curves_is_not_calibrated(liken, samples, tmp_path):
    (tmp_path / "pairs.csv").write_text(f"file_a,file_b,same\n{samples}/sample1.jpg,{samples}/sample2.jpg,0\n")
    _, said = liken("models", "calibrate", "faceapi", "pairs.csv", code=1)
    assert "has curves of its own" in said


def test_a_pack_of_one_metric(liken, pack, samples):
    curve = {"threshold": 5, "points": [{"distance": 1, "fmr": 0.001, "tmr": 0.5}, {"distance": 50, "fmr": 0.5, "tmr": 1}]}
    pack("mine", colours("rgb"), metric="l2", calibration={"l2": curve})
    _, said = liken("collections", "create", "a", "--pack", "mine", code=1)
    assert "are compared by l2" in said
    liken("collections", "create", "a", "--pack", "mine", "--metric", "l2")
    [one] = [c for c in liken.json("collections", "list") if c["name"] == "a"]
    assert one["metric"] == "l2" and one["threshold"] == 5
    [same] = liken.json("compare", "--pack", "mine", samples / "sample1.jpg", samples / "sample1.jpg")
    assert same["same"] and same["threshold"] == 5
