"""Every route does what the contract says, on real photos."""
import base64
import concurrent.futures
import re

import pytest
import requests

import contract
from conftest import soon


def ids(image):
    return [face["id"] for face in image["faces"]]


def test_collections(server):
    assert [c["name"] for c in server.get("/v1/collections").json["collections"]] == ["default"]
    made = server.post("/v1/collections", json={"name": "party", "metric": "l2"})
    assert made.status == 201
    assert made.headers["location"] == "/v1/collections/party"
    assert server.get("/v1/collections/party").json["metric"] == "l2"
    assert server.post("/v1/collections", json={"name": "party"}).status == 409
    assert server.delete("/v1/collections/party").status == 204
    assert server.get("/v1/collections/party").status == 404
    assert server.delete("/v1/collections/party").status == 404
    assert server.delete("/v1/collections/default").status == 204
    assert server.get("/v1/collections/default").status == 200


def test_where_a_collection_is_searched(server):
    def change(name, body):
        return server.call("PATCH", f"/v1/collections/{name}", json=body)

    assert server.get("/v1/collections/default").json["search"] == "auto"
    assert (change("default", {"search": "memory"}).status, server.get("/v1/collections/default").json["search"]) == (200, "memory")
    assert server.post("/v1/collections", json={"name": "party", "search": "memory"}).json["search"] == "memory"
    assert change("party", {"search": "auto"}).json["search"] == "auto"
    assert [change("default", body).status for body in ({}, {"search": "magic"}, {"metric": "l2"})] == [400, 400, 400]
    assert change("none", {"search": "memory"}).status == 404
    if server.postgres is None:
        refused = change("default", {"search": "cube"})
        assert (refused.status, refused.json["code"]) == (422, "unsupported") and "PostgreSQL" in refused.json["detail"]
        assert server.post("/v1/collections", json={"name": "cubes", "search": "cube"}).status == 422
        assert server.get("/v1/collections/cubes").status == 404


def test_what_is_said_of_an_image_changes(server, samples):
    image = server.add(samples[0][1], tags="a").json
    one = f"/v1/collections/default/images/{image['id']}"
    assert (image["revision"], image["source"], image["metadata"]) == (1, None, None)

    def change(body, **headers):
        return server.call("PATCH", one, json=body, headers=headers)

    said = {"tags": ["b", "z"], "captured_at": "2024-05-01T00:00:00Z", "source": "a caméra", "metadata": {"z": 1, "a": [{"b": "é"}, 1.5, None]}}
    changed = change({**said, "tags": ["z", "b", "z"]})
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    image.pop("smallest_face")  # of the call that looked
    assert changed.json == {**image, **said, "revision": 2}
    shown = server.get(one)
    assert shown.json == changed.json and {name: shown.json[name] for name in said} == said and shown.headers["etag"] == '"2"'
    stale = change({"tags": ["q"]}, **{"If-Match": '"1"'})
    assert (stale.status, stale.json["code"]) == (412, "conflict") and server.get(one).json == shown.json
    assert change({"tags": ["b", "z"]}, **{"If-Match": '"2"'}).json["revision"] == 2  # it has them already
    assert change({"tags": None, "source": ""}, **{"If-Match": "*"}).json["source"] is None
    gone = change({"captured_at": None, "metadata": None}).json
    assert (gone["tags"], gone["captured_at"], gone["metadata"], gone["revision"]) == ([], None, None, 4)
    happened = server.get("/v1/collections/default/events", params={"after": 0}).json["events"]
    assert [e["kind"] for e in happened].count("image_changed") == 3


def test_what_cannot_be_said_of_an_image(server, samples):
    one = f"/v1/collections/default/images/{server.add(samples[0][1]).json['id']}"

    def deep(levels):
        return {} if levels == 1 else {"a": deep(levels - 1)}

    faults = [({}, 400), ({"file": "x"}, 400), ({"tags": "a"}, 400), ({"metadata": [1]}, 400), ({"metadata": "{}"}, 400), ({"metadata": deep(9)}, 400),
              ({"metadata": {"a": "x" * 8185}}, 413), ({"source": "x" * 4097}, 413), ({"tags": ["t"] * 65}, 413), ({"captured_at": "soon"}, 400)]
    assert [server.call("PATCH", one, json=body).status for body, _ in faults] == [status for _, status in faults]
    assert server.call("PATCH", one, data='{"metadata": {"a": 1, "a": 2}}', headers={"Content-Type": "application/json"}).status == 400
    assert [server.call("PATCH", one, json={"tags": []}, headers={"If-Match": tag}).status for tag in ("1", '"a"', 'W/"1"', '"1", "2"', '"0"')] == [400] * 5
    assert server.get(one).json["revision"] == 1
    assert server.call("PATCH", one, json={"metadata": deep(8)}).status == 200
    assert server.call("PATCH", one, json={"metadata": {"a": "x" * 8184}}).status == 200
    assert server.call("PATCH", "/v1/collections/default/images/999999", json={"tags": []}).status == 404


def test_images_are_listed_by_what_they_have(server, samples):
    images = [server.post("/v1/collections/default/images", files={"file": photo}, data={"url": f"trip/{i}", "tags": ["all", f"t{i % 2}"]}).json
              for i, (_, photo) in enumerate(samples[:3])]
    numbers = [image["id"] for image in images]

    def listed(**query):
        page = server.get("/v1/collections/default/images", params=query).json
        return [image["id"] for image in page["images"]], page["next"]

    assert listed(order="newest", limit=2) == (numbers[:0:-1], numbers[1])
    assert listed(order="newest", limit=2, after=numbers[1]) == (numbers[:1], None)
    assert listed(tags=["all", "t0"])[0] == numbers[::2] and listed(tags="t1")[0] == numbers[1:2] and listed(tags="none")[0] == []
    assert listed(file_prefix="trip/1")[0] == numbers[1:2] and listed(file_prefix="trip")[0] == numbers and listed(file_prefix="Trip")[0] == []
    for name, part in (("has_face", "faces"), ("has_refused", "refused")):
        for want in ("true", "false"):
            assert listed(**{name: want})[0] == [image["id"] for image in images if bool(image[part]) == (want == "true")]
    assert server.get("/v1/collections/default/images", params={"order": "best"}).status == 400


def test_images(server, samples):
    (name, photo), (_, other) = samples[0], samples[1]
    added = server.post("/v1/collections/default/images", files={"file": (name, photo, "image/jpeg")},
                        data={"image_id": "7", "tags": ["a", "b"], "captured_at": "2024-05-01"})
    assert added.status == 201
    image = added.json
    assert added.headers["location"] == f"/v1/collections/default/images/{image['id']}"
    assert (image["file"], image["image_id"], sorted(image["tags"])) == (name, "7", ["a", "b"])
    assert image["captured_at"] == "2024-05-01T00:00:00Z"
    assert image["faces"] and not image["existed"]
    assert image.pop("smallest_face") > 0  # of the call that looked

    again = server.add(photo, image_id="8")
    assert again.status == 200
    assert again.json == {**image, "existed": True, "image_ids": ["7", "8"], "files": [name, "file"], "revision": 2}

    raw = server.post("/v1/collections/default/images?file=b.jpg&tags=a&captured_at=2024-06-01", data=other, headers={"Content-Type": "image/jpeg"})
    assert (raw.status, raw.json["file"], raw.json["tags"]) == (201, "b.jpg", ["a"])

    page = server.get("/v1/collections/default/images?limit=1").json
    assert [i["id"] for i in page["images"]] == [image["id"]]
    page = server.get(f"/v1/collections/default/images?limit=1&after={page['next']}").json
    assert [i["id"] for i in page["images"]] == [raw.json["id"]] and page["next"] is None
    assert len(server.get("/v1/collections/default/images", params={"image_id": "7"}).json["images"]) == 1
    assert len(server.get("/v1/collections/default/images", params={"file": "b.jpg"}).json["images"]) == 1

    taken = [server.get("/v1/collections/default/images", params=span).json["images"]
             for span in ({"captured_to": "2024-05-01"}, {"captured_from": "2024-05-01"}, {"captured_from": "2024-05-02"})]
    assert [[1 + (i["id"] != image["id"]) for i in images] for images in taken] == [[1], [1, 2], [2]]
    bad = server.get("/v1/collections/default/images", params={"captured_from": "2024-05-02", "captured_to": "2024-05-01"})
    assert (bad.status, bad.json["parameter"]) == (400, "captured_to")

    one = f"/v1/collections/default/images/{image['id']}"
    assert ids(server.get(one).json) == ids(image)
    assert server.delete(one).status == 204
    assert server.get(one).status == 404
    assert server.delete(one).status == 404
    for face in ids(image):
        assert server.get(f"/v1/collections/default/faces/{face}").status == 404


def test_faces(server, samples):
    image = server.add(samples[0][1]).json
    first = image["faces"][0]
    path = f"/v1/collections/default/faces/{first['id']}"
    got = server.get(path).json
    assert len(got.pop("descriptor")) == server.get("/v1/collections/default").json["dimension"]
    assert got == {**first, "image": image["id"]}
    assert server.delete(path).status == 204
    assert server.get(path).status == 404
    assert server.delete(path).status == 404
    left = server.get(f"/v1/collections/default/images/{image['id']}").json
    assert ids(left) == ids(image)[1:]


def test_search(server, samples):
    images = {name: server.add((name, photo), image_id=str(i)).json for i, (name, photo) in enumerate(samples)}
    total = sum(len(image["faces"]) for image in images.values())
    for name, photo in samples:
        result = server.post("/v1/collections/default/search", data=photo, headers={"Content-Type": "image/jpeg"}).json
        assert result["mode"] == "exact" and result["searched"] == total
        assert len(result["faces"]) == len(images[name]["faces"])
        for answer, stored in zip(result["faces"], images[name]["faces"]):
            assert answer["matches"][0]["face_id"] == stored["id"]
            assert answer["matches"][0]["distance"] < 1e-3
            distances = [match["distance"] for match in answer["matches"]]
            assert distances == sorted(distances) and max(distances) <= result["threshold"]


def test_search_by_face_and_descriptor(server, samples):
    for name, photo in samples:
        server.add((name, photo))
    seen = server.post("/v1/detect", files={"file": samples[0][1]}, data={"descriptors": "true"}).json
    image = server.add(samples[0][1]).json
    face = image["faces"][0]["id"]
    everything = {"threshold": 10, "limit": 1000}
    by_face = server.post("/v1/collections/default/search", json={"face_id": face, **everything}).json
    by_descriptor = server.post("/v1/collections/default/search", json={
        "descriptor": seen["faces"][0]["descriptor"], "model": image["model"], **everything}).json
    of_face = [match["face_id"] for match in by_face["faces"][0]["matches"]]
    of_descriptor = [match["face_id"] for match in by_descriptor["faces"][0]["matches"]]
    assert face not in of_face and of_descriptor[0] == face and of_descriptor[1:] == of_face


def test_search_parameters(server, samples):
    for i, (name, photo) in enumerate(samples):
        server.add((name, photo), tags=["even" if i % 2 == 0 else "odd"], captured_at=f"2024-0{i + 1}-01")
    photo, found = samples[0][1], "/v1/collections/default/search"

    def search(**fields):
        return server.post(found, files={"file": photo}, data={"threshold": 10, **fields}).json

    everything = search(limit=1000)
    assert len(everything["faces"][0]["matches"]) == everything["searched"]
    assert len(search(limit=1)["faces"][0]["matches"]) == 1
    even = search(limit=1000, tags="even")
    assert 0 < even["searched"] < everything["searched"]
    assert len(even["faces"][0]["matches"]) == even["searched"]
    early = search(limit=1000, captured_to="2024-01-01")
    assert {match["file"] for match in early["faces"][0]["matches"]} == {samples[0][0]}
    assert [search(limit=1, **more)["faces"][0]["total"] for more in ({}, {"tags": "even"}, {"total": "false"})] == [
        everything["searched"], even["searched"], None]
    assert search(limit=1, distinct="image")["faces"][0]["total"] == len(samples)
    main = search(main_face="true")
    assert len(main["faces"]) == 1 and main["others"] == len(everything["faces"]) - 1
    images = [match["image"] for match in search(limit=1000, distinct="image")["faces"][0]["matches"]]
    assert len(images) == len(set(images))
    strict = server.post(found, files={"file": photo}, data={"max_false_matches": 0.01}).json
    assert strict["threshold"] <= everything["threshold"]


def test_several_photos_of_one_person(server, samples):
    for name, photo in samples[:2]:
        server.add((name, photo))
    found = "/v1/collections/default/search"
    photos = [("files", photo) for photo in (samples[0], samples[1], ("blank.bmp", gray_bmp(64, 64)))]
    result = server.post(found, files=photos, data={"threshold": 10, "limit": 2}).json
    assert [photo["face"] is None for photo in result["photos"]] == [False, False, True]
    [answer] = result["faces"]
    assert answer["total"] == result["searched"] and len(answer["matches"]) == 2
    assert [match["distance"] < 1e-3 for match in answer["matches"]] == [True, True]
    assert {match["photo"] for match in answer["matches"]} == {0, 1}
    one = server.post(found, files=photos[:1]).json
    assert "photos" not in one and len(one["faces"]) == 1 and one["refused"] == []
    both = server.post(found, files=[photos[0], ("file", samples[0])])
    many = server.post(found, files=[("files", ("a", b"x", "image/jpeg"))] * 33)
    empty = server.post(found, files=[photos[0], ("files", ("a.jpg", b"", "image/jpeg"))])
    text = server.post(found, json={"files": ["YQ=="]})
    assert [refused.status for refused in (both, many, empty, text)] == [400, 413, 400, 400]
    assert [refused.json.get("parameter") for refused in (both, many, empty, text)] == [None, "files", "files", "files"]
    bad = server.post(found, files=[photos[0], ("files", ("b.jpg", b"no photo", "image/jpeg"))])
    assert bad.status == 415 and "Photo 2 of 2" in bad.json["detail"]


def test_no_face_is_an_answer(server):
    blank = gray_bmp(64, 64)
    answer = server.post("/v1/detect", data=blank, headers={"Content-Type": "image/bmp"})
    assert answer.status == 200 and answer.json["faces"] == []
    assert server.post("/v1/collections/default/search", data=blank, headers={"Content-Type": "image/x"}).json["faces"] == []
    for word in ("true", "True", "1", "on"):
        assert server.add(blank, require_face=word).status == 422
    assert server.add(blank, require_face="maybe").status == 400
    assert server.get("/v1/status").json["images"] == 0
    added = server.add(blank)
    assert added.status == 201 and added.json["faces"] == []


def test_faces_of_a_height_are_looked_for_everywhere(server, start):
    if server.get("/v1/status").json["detector"] != "yunet":
        pytest.skip("the yunet pack is not installed")
    photo = gray_bmp(1024, 512)

    def sought(one=server, **fields):
        answer = one.post("/v1/detect", files={"file": photo}, data=fields)
        assert answer.status == 200, answer.json
        return answer.json["smallest_face"]

    quick = sought()
    assert 16 < quick < 64
    assert sought(thorough="false") == sought(min_face=4096) == quick
    assert sought(min_face=16) == sought(thorough="true") == sought(min_face=20, thorough="true") == 16
    assert [sought(min_face=12), sought(min_face=12, thorough="true")] == [12, 12]  # the smaller of the two
    text = base64.b64encode(photo).decode()
    assert server.post("/v1/detect", json={"file": text, "min_face": 20}).json["smallest_face"] == 20
    added = server.add(photo, min_face=20)
    assert (added.status, added.json["smallest_face"]) == (201, 20)
    again = server.add(photo, thorough="true")
    assert again.status == 200 and "smallest_face" not in again.json  # it was not looked at
    searched = server.post("/v1/collections/default/search", files={"file": photo}, data={"min_face": 20}).json
    assert searched["smallest_face"] == 20
    key = {"Idempotency-Key": "one"}
    path, other = "/v1/collections/default/images", {"file": gray_bmp(1024, 513)}
    assert server.post(path, files=other, data={"thorough": "true"}, headers=key).json["smallest_face"] == 16
    assert server.post(path, files=other, data={"min_face": 20}, headers=key).json["code"] == "key_reused"
    thorough = start("--thorough", data="thorough")
    assert [sought(thorough), sought(thorough, min_face=20)] == [16, 20]  # what is asked for counts
    assert thorough.stop() == 0


def test_a_detector_that_looks_once_says_so(start):
    server, photo = start("--detector", "ssd"), gray_bmp(1024, 512)
    path = "/v1/collections/default/images"
    for answer in (server.post("/v1/detect", files={"file": photo}, data={"min_face": 10}),
                   server.post(path, files={"file": photo}, data={"min_face": 10})):
        assert (answer.status, answer.json["code"]) == (422, "unsupported"), answer.json
        assert "yunet" in answer.json["detail"]
    assert server.get("/v1/status").json["images"] == 0
    assert server.stop() == 0


def gray_bmp(width, height):
    size = width * height * 3
    head = b"BM" + (54 + size).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = (40).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little") + b"\1\0\x18\0" + bytes(24)
    return head + info + b"\x80" * size


def test_compare(server, samples):
    one, two = samples[0][1], samples[1][1]
    same = server.post("/v1/compare", files={"a": one, "b": one}).json
    assert same["same"] and same["distance"] < 1e-3 and same["best"]["a"] == same["best"]["b"]
    other = server.post("/v1/compare", files={"a": one, "b": two}).json
    assert len(other["distances"]) == len(other["a"]["faces"])
    assert all(len(row) == len(other["b"]["faces"]) for row in other["distances"])
    best = other["best"]
    assert other["distance"] == other["distances"][best["a"]][best["b"]]
    for face, row in zip(other["a"]["faces"], other["distances"]):
        for another, distance in zip(other["b"]["faces"], row):  # the nearest, but that weak faces must be nearer
            assert distance >= other["distance"] or face["weak"] or another["weak"]


def test_service(server, samples):
    server.add(samples[0][1])
    status = server.get("/v1/status").json
    assert status["open"] and status["images"] == 1 and status["faces"] == status["indexed"] > 0
    assert server.get("/healthz").json == {"status": "ok"}
    assert server.get("/readyz").json == {"status": "ready"}
    metrics = server.get("/metrics").json
    assert 'liken_requests_total{method="POST",route="/v1/collections/{c}/images",status="2xx"} 1' in metrics
    soon(lambda: "liken_images 1\n" in server.get("/metrics").json, "/metrics does not tell of the image")


def test_a_photo_has_several_names(server, samples):
    """The same bytes with a new label, id or tag: 200, with it added. Nothing is taken from anybody in silence."""
    (_, photo), (_, other) = samples[0], samples[1]
    url = "/v1/collections/default/images"
    first = server.post(url, files={"file": ("a.jpg", photo)}, data={"image_id": "7", "tags": ["a"]}).json
    for data, status in (({"image_id": "8", "url": "https://a/8.jpg", "tags": ["b"], "captured_at": "2024-05-01"}, 200), ({}, 200)):
        again = server.post(url, files={"file": ("b.jpg", photo)}, data=data)
        assert again.status == status and again.json["id"] == first["id"] and again.json["existed"]
    assert again.json["image_ids"] == ["7", "8"]
    assert again.json["files"] == ["a.jpg", "https://a/8.jpg", "b.jpg"]
    assert (again.json["file"], again.json["image_id"], again.json["tags"]) == ("a.jpg", "7", ["a", "b"])
    assert again.json["captured_at"] == (first["captured_at"] or "2024-05-01T00:00:00Z")  # what the photo itself says stays
    for query in ("image_id=7", "image_id=8", "file=a.jpg", "file=b.jpg", "file=https://a/8.jpg", "file=b.jpg&image_id=7"):
        assert [i["id"] for i in server.get(f"{url}?{query}").json["images"]] == [first["id"]], query
    assert server.get(url + "?file=b.jpg&image_id=9").json["images"] == []
    match = server.post("/v1/collections/default/search", files={"file": photo}, data={"tags": ["a", "b"]}).json["faces"][0]["matches"][0]
    assert (match["image_ids"], match["files"]) == (["7", "8"], again.json["files"])

    # the name of an upload may be another's too; an address names one photo, and who had it is told and stays
    second = server.post(url, files={"file": ("a.jpg", other)})
    assert second.status == 201 and second.json["files"] == ["a.jpg"] and "replaced" not in second.json
    taken = server.post(url, files={"file": ("c.jpg", other)}, data={"url": "https://a/8.jpg"})
    assert (taken.status, taken.json["replaced"]) == (200, first["id"])
    assert server.get(f"{url}/{first['id']}").json["files"] == ["a.jpg", "b.jpg"]
    assert [i["id"] for i in server.get(url + "?file=https://a/8.jpg").json["images"]] == [second.json["id"]]


def test_names_that_are_not_utf8_stay_apart(server, samples):
    url, answers = "/v1/collections/default/images", []
    for name in (b"caf\xe9.jpg", b"caf\xe8.jpg"):
        body = (b'--liken-form\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
                b"Content-Type: image/jpeg\r\n\r\n" + samples[0][1] + b"\r\n--liken-form--\r\n")
        answers.append(server.post(url, data=body, headers={"Content-Type": "multipart/form-data; boundary=liken-form"}).json)
    assert answers[1]["files"] == ["caf\uf7e9.jpg", "caf\uf7e8.jpg"]
    assert [i["id"] for i in server.get(url, params={"file": "caf\uf7e8.jpg"}).json["images"]] == [answers[0]["id"]]


def test_legacy(server, samples):
    stored = {}
    for i, (name, photo) in enumerate(samples):
        answer = server.post("/faces", files={"file": photo}, data={"url": f"/media/{name}", "image_id": str(i)})
        assert answer.status == 201
        for face in answer.json["ids"]:
            stored[face] = (f"/media/{name}", str(i))
    name, photo = samples[0]
    answer = server.post("/faces/searches", files={"file": photo})
    found = {match["id"]: (match["file"], match["image_id"]) for match in answer.json["matches"]}
    mine = {face for face, (url, _) in stored.items() if url == f"/media/{name}"}
    assert mine <= set(found) and len(found) == len(answer.json["matches"])
    assert all(stored[face] == label for face, label in found.items())
    assert answer.body.startswith(b'{"matches":[{"id":')
    again = server.post("/faces", files={"file": photo}, data={"url": "/other", "image_id": "99"})
    assert again.status == 201 and set(again.json["ids"]) == mine
    # as a row for each did: both names are answered, for each face
    found = server.post("/faces/searches", files={"file": photo}).json["matches"]
    for face in mine:
        assert [(m["file"], m["image_id"]) for m in found if m["id"] == face] == [(f"/media/{name}", "0"), ("/other", "99")]


def test_legacy_failures(server, samples):
    photo, blank = samples[0][1], gray_bmp(64, 64)
    assert server.post("/faces", files={"file": photo}).json == {"error": "Invalid file or URL"}
    assert server.post("/faces", data={"url": "/x"}).json == {"error": "Invalid file or URL"}
    assert server.post("/faces", files={"file": b"text"}, data={"url": "/x"}).json == {"error": "Invalid file or URL"}
    assert server.post("/faces/searches").json == {"error": "Invalid file"}
    failed = server.post("/faces", files={"file": blank}, data={"url": "/x"})
    assert (failed.status, failed.body) == (500, b'{"status":"FAILED"}')
    assert server.post("/faces/searches", files={"file": blank}).json == {"matches": []}
    for path, data in (("/faces", {"url": "/x"}), ("/faces/searches", {})):
        large = server.post(path, files={"file": bytes((10 << 20) + 1)}, data=data)
        assert (large.status, large.json) == (413, {"error": "File too large"})


def test_head_and_methods(server):
    head = requests.head(server.url + "/healthz", timeout=30)
    assert head.status_code == 200 and head.content == b""
    assert server.call("PUT", "/v1/collections").headers["allow"] == "GET, HEAD, POST"
    assert server.get("/nothing").status == 404
    assert server.get("/v1/collections/").status == 404


def test_idempotency_key(server, samples):
    path, key = "/v1/collections/default/images", {"Idempotency-Key": "one"}
    first = server.post(path, files={"file": samples[0][1]}, headers=key)
    second = server.post(path, files={"file": samples[0][1]}, headers=key)
    assert (first.status, second.status) == (201, 201) and first.body == second.body
    reused = server.post(path, files={"file": samples[1][1]}, headers=key)
    assert (reused.status, reused.json["code"]) == (409, "key_reused")
    assert server.post(path, files={"file": samples[1][1]}, headers={"Idempotency-Key": "k" * 256}).status == 400
    assert second.headers["location"] == first.headers["location"] == f"{path}/{first.json['id']}"
    server.delete(first.headers["location"])
    third = server.post(path, files={"file": samples[0][1]}, headers=key)
    assert third.status == 201 and server.get(third.headers["location"]).status == 200


def test_repetitions_at_once_get_one_answer(server, samples):
    path, key = "/v1/collections/default/images", {"Idempotency-Key": "one"}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.post(path, files={"file": samples[0][1]}, headers=key), range(6)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1


def test_tags_as_json_in_a_form(server, samples):
    """As a form library sends a list: one part that holds JSON."""
    assert sorted(server.add(samples[0], tags='["a", "b"]').json["tags"]) == ["a", "b"]
    assert server.add(samples[1], tags="[not json").json["tags"] == ["[not json"]
    assert server.add(samples[2], tags='["a", 1]').status == 400


def test_pictures(server, samples):
    image = server.add(samples[0][1]).json
    place = "/v1/collections/default"
    links = server.post(f"{place}/links", json={"images": [image["id"]], "faces": ids(image)[:1]}).json
    for url in (f"{place}/images/{image['id']}/picture", f"{place}/faces/{ids(image)[0]}/crop", links["images"][0]["url"], links["faces"][0]["url"]):
        shown = server.get(url)
        assert (shown.status, shown.headers["content-type"]) == (200, "image/jpeg"), url
    assert server.post("/v1/preview", files={"file": samples[0][1]}).status == 200


def test_a_match_says_how_many_strangers_are_as_near(server, samples):
    """A wide answer can be narrowed without asking again: what a match says is what a threshold that ends with it expects."""
    for name, photo in samples:
        server.add((name, photo))
    search = "/v1/collections/default/search"
    usual = server.post(search, files={"file": samples[0][1]}).json["faces"]
    wide = server.post(search, files={"file": samples[0][1]}, data={"max_false_matches": "5", "limit": "100"}).json["faces"]
    checked = 0
    for narrow, answer in zip(usual, wide):
        assert answer["expected_at_default"] == pytest.approx(narrow["expected_false_matches"]) == pytest.approx(narrow["expected_at_default"])
        assert all(m["strangers"] <= answer["expected_false_matches"] * 1.0001 for m in answer["matches"])
        within = [m["face_id"] for m in answer["matches"] if m["strangers"] <= answer["expected_at_default"] * 1.0001]
        assert within == [m["face_id"] for m in narrow["matches"]]
        for m in [m for m in answer["matches"] if not m["weak"] and not answer["face"]["weak"] and m["distance"] > 0][:3]:
            ended = server.post(search, files={"file": samples[0][1]}, data={"threshold": str(m["distance"])}).json["faces"]
            same = next(f for f in ended if f["face"]["box"] == answer["face"]["box"])
            assert same["expected_false_matches"] == pytest.approx(m["strangers"], rel=1e-3)
            checked += 1
    assert checked > 0


def test_events(server):
    """More of them in test_events.py."""
    page = server.get("/v1/collections/default/events").json
    assert (page["events"], page["more"]) == ([], False)


def test_pages(server):
    """The same document at each address, and all that it names; also where liken was built without Node."""
    document = server.get("/").json
    assert server.get("/photos").json == document
    assets = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', document)
    assert assets and all(server.get(f"/{name}").body for name in assets)
    assert server.get("/assets/none.js").status == 404


def test_the_contract_has_every_route():
    """What the tests above did not reach would be a route that nobody checks. Runs last in this file."""
    reached = {(method, path) for method, path, status in contract.seen if status < 400}
    assert reached == contract.operations()
