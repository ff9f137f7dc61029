"""Galleries in PostgreSQL: several servers on one, the ways to search, hostile strings, passwords, a database that goes away."""
import concurrent.futures
import subprocess

import pytest
import requests

from conftest import BIN, MODELS, soon

SEARCH = "/v1/collections/default/search"


@pytest.fixture
def gallery(postgres, tmp_path):
    """The address of a database of the test's own."""
    return postgres.url(postgres.of(tmp_path))


@pytest.fixture
def pair(start, gallery):
    """Two servers with data folders of their own on one database."""
    return start("--store", gallery, data="a"), start("--store", gallery, data="b")


def search(server, photo, collection="default", **fields):
    answer = server.post(f"/v1/collections/{collection}/search", files={"file": photo}, data=fields)
    assert answer.status == 200, answer.json
    return answer.json


def matches(server, photo, **fields):
    return [[m["face_id"] for m in face["matches"]] for face in search(server, photo, **fields)["faces"]]


def liken(*words, **options):
    return subprocess.run([BIN, *words], capture_output=True, text=True, timeout=120, **options)


# ---- several servers on one database ----


def test_servers_share_keys(pair, gallery, tmp_path):
    """Made anywhere, a key counts everywhere from the next request on, and so it is revoked."""
    where = ["--store", gallery, "--data", str(tmp_path / "elsewhere")]
    key = liken("keys", "add", "shared", "--scope", "read", *where).stdout.strip()
    for server in pair:
        assert server.get("/v1/status").status == 401
        server.key = key
        assert server.get("/v1/status").status == 200
    assert liken("keys", "rm", "shared", *where).returncode == 0
    assert [server.get("/v1/status").status for server in pair] == [401, 401]


def test_servers_see_each_others_photos(pair, samples):
    a, b = pair
    photos = [photo for _, photo in samples]
    first = a.add(photos[0]).json
    ids = sorted(face["id"] for face in first["faces"])
    soon(lambda: sorted({m for found in matches(b, photos[0]) for m in found}) == ids)
    again = b.add(photos[0])
    assert again.status == 200 and again.json["id"] == first["id"]
    second = b.add(photos[1]).json
    soon(lambda: second["faces"][0]["id"] in [m for found in matches(a, photos[1]) for m in found])
    assert b.delete(f"/v1/collections/default/images/{first['id']}").status == 204
    soon(lambda: search(a, photos[0])["searched"] == len(second["faces"]))
    assert not any(set(ids) & set(found) for found in matches(a, photos[0]))
    assert a.post("/v1/collections", json={"name": "party"}).status == 201
    assert b.add(photos[0], "party").status == 201
    soon(lambda: search(a, photos[0], "party")["searched"] == len(ids))
    assert b.delete("/v1/collections/party").status == 204
    assert a.get("/v1/collections/party").status == 404


def test_they_are_told_and_do_not_look(pair, postgres, gallery, samples):
    """A listener asks for the last change when it has heard nothing for some seconds. A photo that another server finds
    while nobody asked was told to it, by NOTIFY, with the commit."""
    a, b = pair
    database = gallery.rsplit("/", 1)[1]

    def looks():
        return sorted(postgres.sql(database, "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database()"
                                             " AND query LIKE 'SELECT change FROM liken.counters%'"))

    told = 0
    for _, photo in samples:
        before = looks()
        assert len(before) == 2  # a listener each
        face = a.add(photo).json["faces"][0]["id"]
        soon(lambda: face in [m for found in matches(b, photo) for m in found])
        told += looks() == before
    assert told > 0


def test_a_start_reads_its_own_cache_and_what_is_new(start, gallery, samples):
    a = start("--store", gallery, data="a")
    a.add(samples[0][1])
    assert a.stop() == 0
    b = start("--store", gallery, data="b")
    second = b.add(samples[1][1]).json
    a = start("--store", gallery, data="a")
    assert a.get("/v1/status").json["indexed"] == b.get("/v1/status").json["faces"]
    assert second["faces"][0]["id"] in [m for found in matches(a, samples[1][1]) for m in found]


def test_galleries_in_one_data_folder_do_not_mix(start, postgres, gallery, samples):
    """The cache of an index belongs to its store."""
    addresses = [gallery, postgres.url(gallery.rsplit("/", 1)[1] + "_2"), "sqlite"]
    for turn in range(2):
        for i, address in enumerate(addresses):
            server = start("--store", address, data="one")
            if turn == 0:
                assert server.add(samples[i][1]).status == 201
            state = server.get("/v1/status").json
            assert state["indexed"] == state["faces"] == len(server.get("/v1/collections/default/images").json["images"][0]["faces"])
            assert matches(server, samples[i][1])[0][0] > 0
            assert server.stop() == 0


def test_a_database_that_goes_away(start, samples):
    """Paused, as when the network is cut, and killed: 503 with Retry-After, and all is well again by itself."""
    from postgres import Postgres, missing
    if missing():
        pytest.skip(missing())
    own = Postgres()
    try:
        address = own.url("faces")
        a, b = start("--store", address, data="a"), start("--store", address, data="b")
        first = a.add(samples[0][1]).json
        soon(lambda: matches(b, samples[0][1])[0][:1] == [first["faces"][0]["id"]])
        for hurt, heal in ((own.pause, own.go_on), (own.kill, own.start)):
            hurt()
            with concurrent.futures.ThreadPoolExecutor(20) as pool:  # all of a's threads that wait for the store
                path = "/v1/collections/default/images/"
                waiting = [pool.submit(a.delete, f"{path}{1000 + i}") for i in range(8)]
                waiting += [pool.submit(a.get, f"{path}{first['id']}") for _ in range(12)]
                assert a.get("/healthz").status == a.get("/metrics").status == 200
                assert a.post("/v1/detect", files={"file": samples[0][1]}).status == 200
                assert {future.result().status for future in waiting} == {503}
            answer = b.post(SEARCH, files={"file": samples[0][1]})
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0, answer.json
            soon(lambda: b.get("/readyz").status == 503)
            assert b.get("/healthz").status == 200
            heal()
            soon(lambda: a.get("/readyz").status == 200 and b.get("/readyz").status == 200)
            photo = samples[1 if hurt == own.pause else 2][1]
            second = a.add(photo).json
            soon(lambda: second["faces"][0]["id"] in [m for found in matches(b, photo) for m in found])
            assert matches(b, samples[0][1])[0][0] == first["faces"][0]["id"]
        assert a.stop() == 0 and b.stop() == 0
    finally:
        own.remove()


# ---- where faces are compared ----


def test_every_way_gives_the_same_answers(pair, postgres, samples):
    a, b = pair
    for i, (name, photo) in enumerate(samples):
        assert a.add(photo, image_id=str(i), tags=["even" if i % 2 == 0 else "odd"], captured_at=f"2024-05-0{i + 1}").status == 201

    face = a.get("/v1/collections/default/images?limit=1").json["images"][0]["faces"][0]["id"]
    kinds = ({}, {"threshold": 2}, {"threshold": 2, "tags": ["odd"]}, {"threshold": 2, "distinct": "image", "limit": 2},
             {"threshold": 2, "one_per_photo": True, "limit": 2}, {"threshold": 2, "one_per_photo": True},
             {"threshold": 2, "one_per_photo": True, "tags": ["odd"]}, {"threshold": 2, "captured_from": "2024-05-02", "captured_to": "2024-05-04"}, {"max_false_matches": 0.5},
             {"threshold": 2, "tags": ["nobody"]})

    def ask(server):
        return [search(server, samples[0][1]), *(server.post(SEARCH, json={"face_id": face, **kind}).json for kind in kinds)]

    soon(lambda: search(b, samples[0][1])["searched"] == a.get("/v1/status").json["faces"])
    truth = ask(a)
    assert truth[0]["mode"] == "exact" and truth[2]["faces"][0]["matches"]
    for way in ["cube", *(["pgvector"] if postgres.has("vector") else []), "memory"]:
        changed = a.call("PATCH", "/v1/collections/default", json={"search": way})
        assert (changed.status, changed.json["search"]) == (200, way)
        assert ask(a) == truth
        soon(lambda: b.get("/v1/status").json["indexed"] == (truth[0]["searched"] if way == "memory" else 0) or ask(b) and False)
        assert ask(b) == truth
    unknown = a.call("PATCH", "/v1/collections/default", json={"search": "pgvector"})
    assert unknown.status == (200 if postgres.has("vector") else 422)


def test_photos_come_and_go_in_a_collection_of_cubes(pair, samples):
    a, b = pair
    assert a.post("/v1/collections", json={"name": "cubes", "search": "cube", "metric": "l2"}).json["search"] == "cube"
    images = [(a if i % 2 else b).add(photo, "cubes").json for i, (_, photo) in enumerate(samples)]
    for server in pair:
        for image, (_, photo) in zip(images, samples):
            found = search(server, photo, "cubes")
            assert found["mode"] == "exact" and found["recall"] == 1
            assert found["searched"] == sum(len(i["faces"]) for i in images)
            assert [f["matches"][0]["face_id"] for f in found["faces"]] == [f["id"] for f in image["faces"]]
    gone = {face["id"] for face in images[0]["faces"]}
    assert a.delete(f"/v1/collections/cubes/images/{images[0]['id']}").status == 204
    for server in pair:
        assert not gone & {m["face_id"] for f in search(server, samples[0][1], "cubes", threshold="9")["faces"] for m in f["matches"]}
        assert server.get("/v1/status").json["indexed"] == 0


def test_what_does_not_fit_is_searched_by_the_database(start, postgres, gallery, samples):
    small = start("--store", gallery, "--index-memory", "1M", data="small")
    large = start("--store", gallery, data="large")
    image = small.add(samples[0][1]).json
    # as if it held many: the size that counts is the one in the collection's row
    postgres.sql(gallery.rsplit("/", 1)[1], "UPDATE liken.collections SET faces = 1000000")
    small.add(samples[1][1])
    assert small.get("/v1/status").json["indexed"] == 0
    soon(lambda: matches(large, samples[0][1]) == matches(small, samples[0][1]))
    assert matches(small, samples[0][1])[0][0] == image["faces"][0]["id"]
    assert large.get("/v1/status").json["indexed"] > 0


def test_an_approximate_answer_says_so(start, postgres, gallery, samples):
    if not postgres.has("vector"):
        pytest.skip("the database server has no extension pgvector")
    server = start("--store", gallery)
    server.add(samples[0][1])
    assert server.call("PATCH", "/v1/collections/default", json={"search": "hnsw"}).status == 200
    soon(lambda: search(server, samples[0][1])["mode"] == "approximate")
    found = search(server, samples[0][1])
    assert 0 <= found["recall"] <= 1 and found["faces"][0]["matches"][0]["distance"] < 0.01


# ---- names and labels are data ----

EVIL = ["'; DROP TABLE liken.images; --", '"', "\\", "$1", "%s%n", "{1,2}", "\u202e\U0001f600", "a" * 500, "'' OR 1=1", "\r\n\t"]


def test_hostile_labels_are_data(start, gallery, samples):
    server = start("--store", gallery)
    photos = [photo for _, photo in samples]
    for i, text in enumerate(EVIL):
        photo = photos[i % len(photos)] + b"\0" * (i + 1)  # other bytes, the same picture
        added = server.post("/v1/collections/default/images", files={"file": ("x.jpg", photo)},
                            data={"url": text, "image_id": text, "tags": [text[:128]]})
        assert added.status == 201, added.json
        assert (added.json["file"], added.json["image_id"], added.json["tags"]) == (text, text, [text[:128]])
        listed = server.get("/v1/collections/default/images", params={"image_id": text, "file": text}).json["images"]
        assert [image["id"] for image in listed] == [added.json["id"]]
        found = search(server, photo, tags=[text[:128]])
        assert {m["image"] for f in found["faces"] for m in f["matches"]} == {added.json["id"]}
    assert len(server.get("/v1/collections/default/images").json["images"]) == len(EVIL)


def test_hostile_values_are_refused(start, gallery, samples):
    server = start("--store", gallery)
    photo = samples[0][1]
    path = server.url + "/v1/collections/default/images"
    for n, (field, value, status) in enumerate(
            [(field, value, 201) for field in ("image_id", "url", "tags") for value in (b"\xff\xfe", b"\xed\xa0\x80")] +
            [(field, b"a\0b", 400) for field in ("image_id", "url", "tags")] +
            [("url", b"x" * 4096, 201), ("url", b"x" * 10240, 413), ("image_id", b"x" * 10240, 413), ("tags", b"x" * 10240, 413)]):
        body = (b"--bound\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
                b"--bound\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n%s\0%d\r\n--bound--\r\n"
                % (field.encode(), value, photo, n))
        answer = requests.post(path, data=body, headers={"Content-Type": "multipart/form-data; boundary=bound"}, timeout=60)
        assert answer.status_code == status, (field, value[:8], answer.text)
        if status == 201:  # what is no UTF-8 became U+FFFD
            kept = answer.json()["file" if field == "url" else field]
            assert "".join(kept).strip("\ufffd") == value.decode(errors="ignore")
            assert server.delete(f"/v1/collections/default/images/{answer.json()['id']}").status == 204
        else:
            assert answer.json()["detail"]
    for name in ("'; DROP SCHEMA liken CASCADE; --", 'a"b', "a b", "..", "x" * 10240, "\u00e9", "a\0b", ""):
        assert server.post("/v1/collections", json={"name": name}).status in (400, 413)
    for name in ("%27%3B--", "a%22b", "%ff%fe", "a%00b", "x" * 5000):
        for method in ("GET", "DELETE", "PATCH"):
            answer = requests.request(method, f"{server.url}/v1/collections/{name}", timeout=60,
                                      json={"search": "memory"} if method == "PATCH" else None)
            assert 400 <= answer.status_code < 500, (method, name[:16], answer.text)
    for value in ("%ff", "a%00b", "x" * 10240):
        answer = requests.get(f"{path}?image_id={value}", timeout=60)
        assert 400 <= answer.status_code < 500 or answer.json()["images"] == [], (value[:8], answer.text)
    assert server.get("/v1/status").json["images"] == 0 and server.add(photo).status == 201


# ---- what is said about the store ----


def test_passwords_are_never_shown(start, postgres, tmp_path):
    secret = "geheim@/?:x"
    address = postgres.url(postgres.of(tmp_path), secret)
    server = start("--store", address, data="a")
    shown = server.get("/v1/status").json["store"]
    assert shown.startswith("postgres://liken@") and postgres.of(tmp_path) in shown
    common = ("--data", str(tmp_path / "a"), "--store", address)
    said = [server.get("/v1/status").body.decode(), server.get("/metrics").body.decode()]
    for words in (("status", *common), ("status", "--json", *common), ("list", *common), ("collections", "list", *common),
                  ("doctor", "--models", str(MODELS), *common)):
        done = liken(*words)
        said += [done.stdout, done.stderr]
        assert done.returncode == (3 if words[0] == "list" else 0), done.stderr + done.stdout
    assert shown in said[2] and shown in said[-2]
    for bad in (address.replace("postgres://", "postgres:/"), address.replace("5432", "port"), address.replace("%", "%zz"),
                address.replace("5432", "1"), address.replace("liken:", "nobody:")):
        for words in (("status",), ("doctor", "--models", str(MODELS))):
            done = liken(*words, "--data", str(tmp_path / "a"), "--store", bad, env={"PATH": "/usr/bin", "HOME": str(tmp_path), "LIKEN_LOG_LEVEL": "debug"})
            assert done.returncode in (1, 2), done.stdout + done.stderr
            said += [done.stdout, done.stderr]
    assert server.stop() == 0
    said.append((tmp_path / "a.log").read_text())
    for text in said:
        assert "geheim" not in text and "%40%2F" not in text, text


def test_the_setting_is_heard_everywhere(postgres, tmp_path):
    address, data = postgres.url(postgres.of(tmp_path)), str(tmp_path / "data")
    file = tmp_path / "liken.conf"
    file.write_text(f"store = {address}\n")
    plain = {"PATH": "/usr/bin", "HOME": str(tmp_path)}
    for words, env in ((("--store", address), {}), ((), {"LIKEN_STORE": address}), (("--config", str(file)), {})):
        done = liken("status", "--data", data, *words, env={**plain, **env})
        assert done.returncode == 1 and "There is no gallery in postgres://liken@" in done.stderr, done.stderr
    assert f"There is no gallery in {data}" in liken("status", "--data", data, env=plain).stderr
    refused = liken("status", "--data", data, "--store", "mysql://root:geheim@x/y", env=plain)
    assert refused.returncode == 2 and "postgres://" in refused.stderr and "geheim" not in refused.stderr


def test_changing_how_a_collection_is_searched_by_command(start, postgres, gallery, samples, tmp_path):
    server = start("--store", gallery, data="a")
    server.add(samples[0][1])
    common = ("--data", str(tmp_path / "b"), "--store", gallery)
    done = liken("collections", "set", "--search", "cube", "default", *common)
    assert done.returncode == 0 and "search cube" in done.stdout, done.stderr
    database = gallery.rsplit("/", 1)[1]
    assert postgres.sql(database, "SELECT count(*) FROM liken.vectors WHERE c0 IS NULL OR c1 IS NULL") == [["0"]]
    soon(lambda: server.get("/v1/status").json["indexed"] == 0 or matches(server, samples[0][1]) and False)
    assert matches(server, samples[0][1])[0]
    assert liken("collections", "set", "default", *common).returncode == 2
    assert liken("collections", "set", "--search", "auto", "default", *common).returncode == 0
    assert liken("collections", "create", "mine", "--data", str(tmp_path / "c")).returncode == 0
    sqlite = liken("collections", "set", "--search", "cube", "mine", "--data", str(tmp_path / "c"))
    assert sqlite.returncode == 1 and "PostgreSQL" in sqlite.stderr, sqlite.stderr
