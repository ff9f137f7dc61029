"""Networks on crops of real photos beside ONNX Runtime: 1e-4 of a descriptor of length 1, per component.

Needs LIKEN_FACES, the packs, and the same networks as ONNX in LIKEN_MODEL_MIRROR/reference. The 256 numbers of reid's ONNX
graph are turned onto the singular vectors of its last matrix here as src/nn/blob_net.c does it there."""
import os
import pathlib
import subprocess

import pytest

from faces import BIN, FACES, need, rows

numpy = pytest.importorskip("numpy")
onnxruntime = pytest.importorskip("onnxruntime")

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = pathlib.Path(BIN).parent / "tests" / "unit" / "nn" / "run_net"
REFERENCE = pathlib.Path(os.environ.get("LIKEN_MODEL_MIRROR") or "/nonexistent") / "reference"
PHOTOS = 24
# network: pack, file, side, blue first, divided by, is it a descriptor
NETWORKS = {"reid": ("reid", "face-reidentification-retail-0095.onnx", 128, True, 1, True),
            "minifas_v2": ("antispoof", "mfas_v2.onnx", 80, True, 1, False),
            "minifas_v1se": ("antispoof", "mfas_v1se.onnx", 80, True, 1, False),
            "mesh": ("mesh", "hm_facemesh.onnx", 192, False, 255, False)}


def photos():
    files = sorted({row["file_a"] for row in rows("pairs.csv") if row["source"] == "lfw-view2"})
    return [str(FACES / file) for file in files[::len(files) // PHOTOS][:PHOTOS]]


def ours(network, side, paths):
    """(what it saw, what it made of that)"""
    done = subprocess.run([RUN, network, *paths], capture_output=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"LIKEN_MODELS has no weights of {network}")
    assert done.returncode == 0, done.stderr
    seen, chip = numpy.frombuffer(done.stdout, numpy.uint8).reshape(len(paths), -1), side * side * 3
    return seen[:, :chip].reshape(-1, side, side, 3), seen[:, chip:].copy().view("<f4")


def theirs(file, chips, blue_first, scale):
    session = onnxruntime.InferenceSession(str(REFERENCE / file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    seen = (chips[..., ::-1] if blue_first else chips).transpose(0, 3, 1, 2).astype(numpy.float32) / numpy.float32(scale)
    return numpy.stack([session.run(None, {name: numpy.ascontiguousarray(one[None])})[0].reshape(-1) for one in seen])


def last_matrix():
    """256 x 512: that of reid's last layer, whose values end the pack's file."""
    path = pathlib.Path(os.environ["LIKEN_MODELS"]) / "reid" / "face-reidentification-retail-0095.bin"
    return numpy.frombuffer(path.read_bytes()[-2 * 256 * 512:], "<f2").astype(numpy.float64).reshape(256, 512)


def folded(numbers, dimension):
    axes = numpy.linalg.svd(last_matrix())[0]
    axes *= numpy.sign(axes[numpy.abs(axes).argmax(0), numpy.arange(256)])
    return numbers @ axes[:, :dimension]


@pytest.mark.parametrize("network", NETWORKS)
def test_real_crops(network):
    pack, file, side, blue_first, scale, describes = NETWORKS[network]
    need(pack)
    if not (REFERENCE / file).exists() or not RUN.exists():
        pytest.skip(f"LIKEN_MODEL_MIRROR has no reference/{file}, or liken is built without tests")
    chips, made = ours(network, side, photos())
    expected = theirs(file, chips, blue_first, scale)
    if describes:
        expected = folded(expected, made.shape[1])
        expected /= numpy.linalg.norm(expected, axis=1, keepdims=True)
        made = made / numpy.linalg.norm(made, axis=1, keepdims=True)
    unit = side if network == "mesh" else 1
    assert numpy.abs(made - expected).max() <= 1e-4 * unit
    assert numpy.abs(made[0] - made[1]).max() > 1e-2 * unit  # the photos differ
