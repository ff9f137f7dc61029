"""How the pages are served: policy, tags, codings; and how tools/pages.py writes them into the program."""
import gzip
import pathlib
import re
import subprocess
import sys

import pytest
import requests

from test_keys import run_keys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def assets_of(document):
    return re.findall(r'(?:src|href)="\./(assets/[^"]+)"', document)


def test_a_page_runs_nothing_but_its_own(shared):
    for path in ("/", "/photos", "/?face=12&in=holiday"):
        answer = shared.get(path)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert not re.search(r"unsafe|\*|https?:|data:", answer.headers["content-security-policy"])
        assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == answer.headers["cross-origin-opener-policy"] == "same-origin"
        for address in re.findall(r'(?:src|href)="([^"]+)"', answer.json):
            assert address.startswith("./"), "pages lie below any address, and nothing comes from elsewhere"
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", answer.json)


def test_a_page_is_asked_for_again_and_an_asset_never(shared):
    page = shared.get("/")
    assert page.headers["cache-control"] == "public, no-cache"
    assert shared.get("/", headers={"If-None-Match": page.headers["etag"]}).status == 304
    for name in assets_of(page.json):
        asset = shared.get(f"/{name}")
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert shared.get(f"/{name}", headers={"If-None-Match": asset.headers["etag"]}).status == 304
    head = requests.head(shared.url + "/", timeout=60)
    assert (head.status_code, head.content) == (200, b"")


def test_an_asset_comes_compressed_where_that_is_taken(shared):
    scripts = [name for name in assets_of(shared.get("/").json) if name.endswith(".js")]
    if not scripts:
        pytest.skip("liken was built without its pages (npm)")
    sizes = {}
    for coding in ("identity", "gzip", "br"):
        with requests.get(f"{shared.url}/{scripts[0]}", headers={"Accept-Encoding": coding}, stream=True, timeout=60) as answer:
            raw = answer.raw.read(decode_content=False)
            assert answer.headers.get("content-encoding", "identity") == coding
            assert "Accept-Encoding" in answer.headers["vary"].split(", ")
            sizes[coding] = len(raw)
            plain = gzip.decompress(raw) if coding == "gzip" else raw if coding == "identity" else None
            assert plain is None or plain == requests.get(f"{shared.url}/{scripts[0]}", headers={"Accept-Encoding": ""}, timeout=60).content
    assert sizes["br"] < sizes["gzip"] < sizes["identity"] / 2
    assert sizes["gzip"] < 150_000, "the script of a page is to load at once"


def test_pages_need_no_key(start, tmp_path):
    (tmp_path / "data").mkdir()
    assert run_keys(tmp_path / "data", "add", "me", "--scope", "read").returncode == 0
    server = start()
    assert server.get("/").status == server.get("/photos").status == 200
    assert server.get("/v1/collections").status == 401


# ---- tools/pages.py

def write(source, tmp_path, mode, name="table.c", env=None):
    out = tmp_path / name
    done = subprocess.run([sys.executable, ROOT / "tools" / "pages.py", "--source", source, "--output", out, "--work", tmp_path / "work",
                           "--mode", mode], capture_output=True, text=True, check=False, env=env)
    return done, out.read_text() if out.exists() else ""


@pytest.fixture
def without_node(tmp_path):
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin")}


def test_without_node_one_page_says_how_to_get_the_others(tmp_path, without_node):
    for mode in ("without", "try"):
        done, table = write(ROOT / "web", tmp_path, mode, env=without_node)
        assert done.returncode == 0 and '{"index.html"' in table and "lk_page_count = 2" in table
        text = bytes(int(n) for n in re.search(r"plain_1\[\] = \{([^}]*)\}", table)[1].replace("\n", "").split(",") if n.strip()).decode()
        assert "apt-get install nodejs npm" in text and "<h1>liken is running</h1>" in text
        (tmp_path / "table.c").unlink()
    assert "Node.js is not installed" in done.stderr and "Node.js is not installed" in text


def test_pages_that_must_be_there_and_cannot_end_the_build_with_the_reason(tmp_path, without_node):
    done, table = write(ROOT / "web", tmp_path, "must", env=without_node)
    assert done.returncode != 0 and not table
    assert "Node.js is not installed (Debian: apt-get install nodejs npm)" in done.stderr


def test_a_table_is_written_anew_only_when_something_changed(tmp_path, without_node):
    write(ROOT / "web", tmp_path, "without", env=without_node)
    before = (tmp_path / "table.c").stat().st_mtime_ns
    write(ROOT / "web", tmp_path, "without", env=without_node)
    assert (tmp_path / "table.c").stat().st_mtime_ns == before
    write(ROOT / "web", tmp_path, "try", env=without_node)
    failed = (tmp_path / "table.c").stat().st_mtime_ns
    write(ROOT / "web", tmp_path, "try", env=without_node)
    assert (tmp_path / "table.c").stat().st_mtime_ns > failed, "what could not be made is tried again"


def test_the_lock_names_no_registry():
    text = (ROOT / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in text and "registry." not in text
