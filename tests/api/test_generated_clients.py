"""Clients that generators make of docs/openapi.yaml upload, list and search: what a developer gets who writes none himself."""
import base64
import importlib
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

SPEC = ROOT / "docs" / "openapi.yaml"
SOURCES = ROOT / "tests" / "clients"


def run(*words, **options):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, timeout=600, **options)
    assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def python_client(tmp_path, monkeypatch):
    """The package that openapi-python-client makes, imported."""
    config = tmp_path / "generator.yaml"  # what it does not know of pictures
    config.write_text("content_type_overrides: {image/jpeg: application/octet-stream, image/webp: application/octet-stream}\n")
    said = run(pathlib.Path(sys.executable).with_name("openapi-python-client"), "generate", "--path", SPEC, "--meta", "none",
               "--config", config, "--output-path", tmp_path / "generated_liken")
    assert "Unsupported" not in said and "WARNING" not in said, said
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda name: importlib.import_module("generated_liken." + name)
    for name in [name for name in sys.modules if name.split(".")[0] == "generated_liken"]:
        del sys.modules[name]


def test_a_generated_python_client(python_client, server, samples):
    models, types = python_client("models"), python_client("types")
    name, photo = samples[0]
    client = python_client("client").Client(base_url=server.url)

    def part():
        return types.File(payload=photo, file_name=name, mime_type="image/jpeg")

    images, search = python_client("api.images.add_image"), python_client("api.search.search")
    added = images.sync("default", client=client, body=models.AddImageFilesBody(file=part(), image_id="py-1", tags=["one", "two"]))
    assert isinstance(added, models.StoredImage), added
    assert added.image_id == "py-1" and added.tags == ["one", "two"] and not added.existed
    face = added.faces[0]
    assert isinstance(face, models.KeptFace) and face.id > 0 and face.box.width > 0 and face.confidence > 0
    raw = images.sync("default", client=client, body=part())
    assert raw.existed and raw.id == added.id
    text = images.sync("default", client=client, body=models.AddImageJsonBody(file=base64.b64encode(photo).decode(), tags=["three"]))
    assert text.existed and text.id == added.id and sorted(text.tags) == ["one", "three", "two"]
    listed = python_client("api.images.list_images").sync("default", client=client, limit=10)
    assert [image.id for image in listed.images] == [added.id]
    by_photo = search.sync("default", client=client, body=models.SearchFilesBody(file=part(), limit=3))
    assert by_photo.searched == len(added.faces) and by_photo.faces[0].matches[0].image == added.id
    by_face = search.sync("default", client=client, body=models.SearchJsonBody(face_id=face.id, threshold=0.5))
    assert by_face.threshold == 0.5
    problem = search.sync("nowhere", client=client, body=models.SearchJsonBody(face_id=face.id))
    assert isinstance(problem, models.Problem) and problem.status == 404


def test_a_generated_typescript_client(server, samples, tmp_path):
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    for source in SOURCES.iterdir():
        if source.is_file():
            shutil.copy(source, tmp_path)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=tmp_path)
    run(tmp_path / "node_modules" / ".bin" / "openapi-typescript", SPEC, "-o", "schema.d.ts", cwd=tmp_path)
    run(tmp_path / "node_modules" / ".bin" / "tsc", "-p", ".", cwd=tmp_path)
    name, photo = samples[0]
    (tmp_path / name).write_bytes(photo)
    out = json.loads(run("node", "client.js", server.url, tmp_path / name, cwd=tmp_path))
    assert out.pop("faces") == out.pop("again") + 1  # a face is not compared with itself
    assert out == {"id": 1, "confident": True, "tags": ["one", "two"], "listed": [1], "nearest": "ts-1", "strangers": "number",
                   "refused": "conflict"}
