"""Photos in the words of each client, byte for byte as it sends them, and the mistakes that people make with curl."""
import base64
import json
import shutil
import subprocess

import pytest

from test_raw import IMAGES, post, talk

DETECT = b"/v1/detect"
# what a client writes: its Content-Type, before the photo, after it
CLIENTS = {
    ".NET": (b'multipart/form-data; boundary="x-1"',
             b"--x-1\r\nContent-Disposition: form-data; name=file; filename=a.jpg; filename*=utf-8''a.jpg\r\n\r\n", b"\r\n--x-1--\r\n"),
    ".NET, one character": (b'multipart/form-data; boundary="x"',
                            b"--x\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n\r\n", b"\r\n--x--\r\n"),
    "capitals": (b"Multipart/Form-Data; Boundary=XX",
                 b'--XX\r\nCONTENT-DISPOSITION: FORM-DATA; NAME="file"; FILENAME="a.jpg"\r\n\r\n', b"\r\n--XX--\r\n"),
    "Java mail": (b'multipart/form-data; \tboundary="----=_Part_0_1.2"',
                  b"preamble\r\n------=_Part_0_1.2\r\nContent-Type: image/jpeg; name=a.jpg\r\nContent-Transfer-Encoding: binary\r\n"
                  b'Content-Disposition: form-data;\r\n\tname="file";\r\n\tfilename="a.jpg"\r\n\r\n', b"\r\n------=_Part_0_1.2--"),
    "Internet Explorer": (b"multipart/form-data; boundary=---------------------------7d0",
                          b'-----------------------------7d0\r\nContent-Disposition: form-data; name="file"; '
                          b'filename="C:\\My Photos\\new\\a.jpg"\r\nContent-Type: image/pjpeg\r\n\r\n',
                          b"\r\n-----------------------------7d0--\r\nepilogue"),
    "urllib3": (b"multipart/form-data; boundary=0123abcd",
                b'--0123abcd\r\nContent-Disposition: form-data; name="file"; filename*=utf-8\'\'%61.jpg\r\n\r\n', b"\r\n--0123abcd--\r\n"),
    "line feeds": (b"multipart/form-data; boundary=XX", b'--XX \nContent-Disposition: form-data; name="file"; filename="a.jpg"\n\n', b"\n--XX--\n"),
    "padding": (b"multipart/form-data; boundary=XX; charset=utf-8",
                b'--XX \t\r\nContent-Disposition: form-data; filename=a.jpg; name="file"; size=1\r\n\r\n', b"\r\n--XX--  \r\n"),
}


@pytest.fixture(scope="module")
def faces(shared, samples):
    return len(shared.post("/v1/detect", data=samples[0][1], headers={"Content-Type": "image/jpeg"}).json["faces"])


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client(shared, samples, faces, client):
    kind, before, after = CLIENTS[client]
    request = post(DETECT, b"Content-Type: " + kind + b"\r\n", before + samples[0][1] + after)
    cuts = (len(request) - len(after) - 1, len(request) - len(after) + 3)  # the last boundary in three pieces
    status, answer = talk(shared, request[:cuts[0]], request[cuts[0]:cuts[1]], request[cuts[1]:])
    assert status == 200, answer
    assert len(json.loads(answer)["faces"]) == faces
    status, answer = talk(shared, post(DETECT, b"Content-Type: " + kind + b"\r\n", before + samples[0][1]))
    assert status == 400 and "cut short" in json.loads(answer)["detail"]


def test_names_and_texts_of_a_form(server, samples):
    """What an Apache HttpClient and a browser of a page in Latin-1 write."""
    part = b"--XX\r\nContent-Disposition: form-data; name=%s\r\n%s\r\n%s\r\n"
    body = (part % (b"\"file\"; filename=\"C:\\a%22\xc3\xa4.jpg\"", b"", samples[0][1]) + part % (b"_charset_", b"", b"utf-8") +
            part % (b"image_id", b"Content-Type: text/plain; charset=ISO-8859-1\r\n", b"\xe4") +
            part % (b"tags", b"Content-Transfer-Encoding: base64\r\n", base64.b64encode("ü".encode())) + b"--XX--")
    status, answer = talk(server, post(IMAGES, b"Content-Type: multipart/form-data; boundary=XX\r\n", body))
    added = json.loads(answer)
    assert (status, added["files"], added["image_ids"], added["tags"]) == (201, ['a"ä.jpg'], ["ä"], ["ü"])


def test_photos_in_json(server, samples):
    photo, other = (base64.b64encode(bytes_).decode() for _, bytes_ in samples[:2])
    added = server.post("/v1/collections/default/images", json={"file": photo, "image_id": "7", "tags": ["a", "b"], "url": "/a.jpg"})
    assert (added.status, added.json["tags"], added.json["files"]) == (201, ["a", "b"], ["/a.jpg"])
    url = "data:image/jpeg;base64," + photo.replace("+", "-").replace("/", "_").rstrip("=")
    found = server.post("/v1/collections/default/search", json={"file": url, "limit": 1}).json
    assert found["faces"][0]["matches"][0]["image_id"] == "7"
    # escaped as PHP and .NET do, in lines as base64(1) does
    text = "\\n".join(photo[i:i + 76] for i in range(0, len(photo), 76)).replace("/", "\\/").replace("+", "\\u002B")
    seen = server.post("/v1/detect", data='{"file": "' + text + '"}', headers={"Content-Type": "application/json"})
    assert len(seen.json["faces"]) == len(added.json["faces"])
    assert server.post("/v1/compare", json={"a": photo, "b": photo}).json["same"]
    old = server.post("/faces", json={"file": other, "url": "/b.jpg", "image_id": 8})
    assert old.status == 201
    matches = server.post("/faces/searches", json={"file": other}).json["matches"]
    assert ("/b.jpg", "8") in {(m["file"], m["image_id"]) for m in matches}


def test_json_photos_have_the_limit_of_photos(start, samples):
    server = start("--max-file", "1M")
    big, bigger = (base64.b64encode(samples[0][1].ljust(size, b"\0")).decode() for size in (1 << 20, (1 << 20) + 1))
    assert server.post("/v1/detect", json={"file": big}).status == 200
    over = server.post("/v1/detect", json={"file": bigger})
    assert (over.status, over.json["parameter"], over.json["limit"]) == (413, "file", 1 << 20)
    assert server.post("/v1/compare", json={"a": big, "b": big}).status == 200
    head = b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    assert talk(server, head % (4 << 20))[0] == 413  # before any of it comes


def test_what_curl_is_told(shared, samples, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    photo, empty = tmp_path / "photo.jpg", tmp_path / "empty.jpg"
    photo.write_bytes(samples[0][1])
    empty.write_bytes(b"")

    def curl(path, *words):
        run = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *words, shared.url + path], capture_output=True, text=True,
                             timeout=120, check=True, cwd=tmp_path)
        body, status = run.stdout.rsplit("\n", 1)
        answer = json.loads(body)
        return int(status), answer.get("detail", "")

    assert curl("/v1/detect", "-F", "file=@photo.jpg")[0] == 200
    assert curl("/v1/detect", "-H", "Content-Type: text/plain", "--data-binary", "@photo.jpg")[0] == 200
    for path in ("/v1/collections/default/images", "/v1/collections/default/search", "/v1/detect"):
        for words, hint in [(("--data-binary", "@photo.jpg"), "-H 'Content-Type: image/jpeg'"),
                            (("-H", "Content-Type: application/json", "--data-binary", "@photo.jpg"), "image/jpeg"),
                            (("-F", "file=photo.jpg"), "-F file=@photo.jpg"), (("-F", "file=@empty.jpg"), "file is empty"),
                            (("-H", "Content-Type: image/jpeg", "--data-binary", "@empty.jpg"), "body is empty"),
                            (("-H", "Content-Type: multipart/form-data", "--data-binary", "@photo.jpg"), "names no boundary")]:
            status, said = curl(path, *words)
            assert 400 <= status < 500 and hint in said, (path, words, said)
    assert "-F a=@one.jpg" in curl("/v1/compare", "--data-binary", "@photo.jpg")[1]
    assert "b is empty" in curl("/v1/compare", "-F", "a=@photo.jpg", "-F", "b=@empty.jpg")[1]
    for path in ("/faces", "/faces/searches"):
        for words, hint in [(("--data-binary", "@photo.jpg"), "-F file=@photo.jpg"), (("-F", "file=photo.jpg"), "photo.jpg"),
                            (("-F", "file=@empty.jpg"), "file is empty")]:
            status, said = curl(path, "-F", "url=/x", *words) if words[0] == "-F" else curl(path, *words)
            assert status == 400 and hint in said, (path, words, said)
    assert shared.get("/v1/status").json["images"] == 0
