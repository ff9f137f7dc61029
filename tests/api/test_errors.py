"""Wrong parameters and bodies: each is refused with a status, a stable code and a sentence, and nothing changes."""
import pytest

SEARCH = "/v1/collections/default/search"
IMAGES = "/v1/collections/default/images"
JPEG = {"Content-Type": "image/jpeg"}


def refused(answer, status, code, word):
    assert (answer.status, answer.json["code"]) == (status, code), answer.json
    assert word in answer.json["detail"], answer.json["detail"]


@pytest.mark.parametrize("query, word", [
    ("limit=abc", "limit must be a whole number from 1 to 10000"), ("limit=0", "limit"), ("limit=10001", "limit"),
    ("limit=-1", "limit"), ("limit=1e3", "limit"), ("limit=", "limit"), ("limit=9" + "9" * 400, "limit"),
    ("threshold=-1", "threshold must be a number above 0"), ("threshold=NaN", "threshold"), ("threshold=inf", "threshold"),
    ("threshold=0", "threshold"), ("threshold=1e400", "threshold"), ("threshold=0x10", "threshold"), ("threshold=1,5", "threshold"),
    ("max_false_matches=0", "max_false_matches"), ("threshold=1&max_false_matches=1", "not both"),
    ("distinct=everything", "one of"), ("distinct=FACE", "one of"),
    ("captured_from=soon", "captured_from"), ("captured_to=2024-13-01", "captured_to"),
    ("captured_from=2024-02-01&captured_to=2024-01-31", "before"),
    ("limit=1&limit=2", "more than once"), ("Limit=1", "no parameter"), ("q=1", "no parameter"),
    ("face_id=1", "exactly one"), ("face_id=0", "face_id"), ("model=x&face_id=1", "exactly one"),
])
def test_query(shared, samples, query, word):
    answer = shared.post(f"{SEARCH}?{query}", data=samples[0][1], headers=JPEG)
    refused(answer, 400, "bad_argument", word)


@pytest.mark.parametrize("body, word", [
    (b"", "not valid JSON"), (b"{", "not valid JSON"), (b"{}", "exactly one"), (b"[]", "object"), (b"null", "not valid JSON"),
    (b"\xff\xfe", "not valid JSON"), (b"\xef\xbb\xbf{}", "not valid JSON"), (b'{"face_id":"1"}', "face_id"),
    (b'{"face_id":true}', "face_id"), (b'{"face_id":1.5}', "face_id"), (b'{"face_id":{}}', "face_id"),
    (b'{"face_id":1,"face_id":1}', "not valid JSON"), (b'{"face_id":99999999999999999999}', "not valid JSON"),
    (b'{"descriptor":[]}', "descriptor"), (b'{"descriptor":[1,"2"]}', "entry 1"), (b'{"descriptor":[1,[2]]}', "entry 1"),
    (b'{"descriptor":[NaN]}', "not valid JSON"), (b'{"descriptor":[1e39]}', "entry 0"),
    (b'{"descriptor":' + b"[" * 5000 + b"]" * 5000 + b"}", "not valid JSON"),
    (b'{"descriptor":[' + b"1," * 5000 + b"1]}", "descriptor"),
    (b'{"face_id":1,"tags":"x"}', "tags"), (b'{"face_id":1,"limit":"5"}', "limit"), (b'{"face_id":1,"x":1}', "no parameter"),
    (b'{"face_id":1,"model":7}', "model"),
])
def test_json(shared, body, word):
    answer = shared.post(SEARCH, data=body, headers={"Content-Type": "application/json"})
    refused(answer, 400, "bad_argument", word)


def test_json_has_a_limit(shared):
    body = b'{"face_id": 1, "model": "' + b"x" * (1 << 20) + b'"}'
    refused(shared.post(SEARCH, data=body, headers={"Content-Type": "application/json"}), 413, "too_large", "1048576")
    refused(shared.post("/v1/collections", data=body, headers={"Content-Type": "application/json"}), 413, "too_large", "limit")


def test_lists_have_limits(shared):
    refused(shared.post(SEARCH, json={"face_id": 1, "tags": ["t"] * 65}), 413, "too_large", "64")
    refused(shared.post(SEARCH, json={"face_id": 1, "tags": ["t" * 129]}), 413, "too_large", "128")
    refused(shared.post(IMAGES, files={"file": b"x"}, data={"image_id": "x" * 513}), 413, "too_large", "512")
    refused(shared.post(IMAGES, files={"file": b"x"}, data={"url": "x" * 4097}), 413, "too_large", "4096")


def test_what_is_not_there(shared, samples):
    for method, path in [("GET", IMAGES + "/1"), ("DELETE", IMAGES + "/1"), ("GET", "/v1/collections/default/faces/1"),
                         ("DELETE", "/v1/collections/default/faces/1"), ("GET", "/v1/collections/none"),
                         ("DELETE", "/v1/collections/none"), ("GET", "/v1/collections/none/images"),
                         ("GET", IMAGES + "/0"), ("GET", IMAGES + "/-1"), ("GET", IMAGES + "/abc"), ("GET", IMAGES + "/9" + "9" * 30)]:
        refused(shared.call(method, path), 404, "not_found", "no")
    refused(shared.add(samples[0][1], collection="none"), 404, "not_found", "none")
    refused(shared.post("/v1/collections/none/search", data=samples[0][1], headers=JPEG), 404, "not_found", "none")
    refused(shared.post(SEARCH, json={"face_id": 123456}), 404, "not_found", "123456")
    refused(shared.get("/v2"), 404, "not_found", "nothing")


@pytest.mark.parametrize("name", ["", ".x", "a/b", "a b", "x" * 65, "ä", "a\u0000b", "../x"])
def test_collection_names(shared, name):
    answer = shared.post("/v1/collections", json={"name": name})
    assert answer.status in (400, 413) and answer.json["detail"]
    assert [c["name"] for c in shared.get("/v1/collections").json["collections"]] == ["default"]


def test_collection_fields(shared):
    refused(shared.post("/v1/collections", json={}), 400, "bad_argument", "name")
    refused(shared.post("/v1/collections", json={"name": 7}), 400, "bad_argument", "string")
    refused(shared.post("/v1/collections", json={"name": "x", "metric": "cosine"}), 400, "bad_argument", "normalized")
    assert shared.post("/v1/collections", json={"name": "x", "pack": "no-such-pack"}).status in (404, 422)


def test_wrong_model(shared, samples):
    numbers = shared.get("/v1/collections/default").json["dimension"]
    refused(shared.post(SEARCH, json={"descriptor": [0.1] * numbers, "model": "other/1"}), 409, "model_mismatch", "model")
    refused(shared.post(SEARCH, json={"descriptor": [0.1] * 3}), 409, "model_mismatch", str(numbers))
    assert shared.post(SEARCH, json={"descriptor": [0.1] * numbers}).status == 200


def test_photos(shared):
    refused(shared.post(IMAGES, data=b"hello", headers=JPEG), 415, "not_an_image", "")
    refused(shared.post(IMAGES, data=b"", headers=JPEG), 400, "bad_argument", "no photo")
    refused(shared.post(IMAGES, data={"image_id": "1"}), 400, "bad_argument", "no photo")
    refused(shared.post(IMAGES, files={"photo": b"x"}), 400, "bad_argument", "no parameter \"photo\"")
    refused(shared.post(IMAGES, json={}), 400, "bad_argument", "no photo")
    refused(shared.post("/v1/compare", files={"a": b"x"}), 400, "bad_argument", "two photos")
    refused(shared.post("/v1/compare", data=b"x", headers=JPEG), 400, "bad_argument", "two photos")
    assert shared.get("/v1/status").json["images"] == 0


@pytest.mark.parametrize("fields, word", [
    ({"min_face": value}, "min_face must be a whole number from 10 to 4096") for value in ("9", "0", "-16", "4097", "1e400", "16.5", "small", "")
] + [({"thorough": "perhaps"}, "thorough")])
def test_how_small_faces_are_looked_for(shared, samples, fields, word):
    for path in (IMAGES, "/v1/detect", SEARCH):
        refused(shared.post(path, files={"file": samples[0][1]}, data=fields), 400, "bad_argument", word)
    assert shared.get("/v1/status").json["images"] == 0


def test_labels_are_data(server, samples):
    nasty = ["../../etc/passwd", "'; DROP TABLE images; --", "<script>alert(1)</script>", "a\nb\r\nX: y", "\u202e\U0001f600",
             "%s%n%x", "C:\\con", "x" * 4000, "\\u0000", '"}{', "$(reboot)"]
    for label in nasty:
        server.delete("/v1/collections/default")
        added = server.add(samples[0][1], url=label, image_id=label[:500], tags=[label[:100]])
        assert added.status == 201
        assert (added.json["file"], added.json["image_id"], added.json["tags"]) == (label, label[:500], [label[:100]])
        found = server.get("/v1/collections/default/images", params={"image_id": label[:500]}).json["images"]
        assert [image["file"] for image in found] == [label]
        hit = server.post(SEARCH, files={"file": samples[0][1]}, data={"tags": label[:100]}).json
        assert hit["faces"][0]["matches"][0]["file"] == label


def test_a_file_too_large(start):
    server = start("--max-file", "100K")
    refused(server.add(bytes(200_000)), 413, "too_large", "102400")
    refused(server.post(IMAGES, data=bytes(10 << 20), headers=JPEG), 413, "too_large", "limit")
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/status"), ("GET", "/v1/collections"), ("GET", "/v1/collections/default"), ("DELETE", "/v1/collections/default"),
    ("GET", "/v1/collections/default/images/1"), ("DELETE", "/v1/collections/default/faces/1"),
])
def test_a_wish_that_is_not_understood_is_refused(shared, method, path):
    refused(shared.call(method, path + "?dry_run=true"), 400, "bad_argument", 'no parameter "dry_run"')


def test_an_unknown_pack_is_the_clients_mistake(shared):
    answer = shared.post("/v1/collections", json={"name": "other", "pack": "nothing"})
    assert answer.status == 422 and answer.json["parameter"] == "pack"
