"""A database of the legacy system, made by the legacy system's own SQL: served in place, imported, and still the legacy system's.

The legacy program is stood in for by the SQL it sends, with descriptors that liken makes in the legacy system's way."""
import json
import os
import shutil
import subprocess

import pytest

from conftest import BIN, MODELS, soon
from postgres import postgres  # a fixture

FORMS = {  # what a legacy table may look like
    "whole": "id serial, file varchar, image_id numeric, vec_low cube, vec_high cube",
    "no image_id": "id serial, file varchar, vec_low cube, vec_high cube",
    "no file": "id serial, vec_low cube, vec_high cube",
}
SEARCH = ("SELECT id FROM {table} WHERE sqrt(power(CUBE(array[{low}]) <-> vec_low, 2) + power(CUBE(array[{high}]) <-> vec_high, 2))"
          " <= 0.6 ORDER BY sqrt(power(CUBE(array[{low}]) <-> vec_low, 2) + power(CUBE(array[{high}]) <-> vec_high, 2)) ASC, id")

pytestmark = pytest.mark.skipif(not (MODELS / "dlib" / "pack.json").exists(), reason=f"the dlib pack is not in {MODELS} (LIKEN_MODELS)")


def liken(*words, code=0):
    done = subprocess.run([BIN, *map(str, words), "--json"], capture_output=True, text=True, check=False,
                          env={**os.environ, "LIKEN_MODELS": str(MODELS)})
    assert done.returncode == code, f"liken {words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def halved(photo):
    """At half its size, where libjpeg-turbo's programs are: HOG on an enlarged photo takes its time."""
    if not (shutil.which("djpeg") and shutil.which("cjpeg")):
        return photo
    pixels = subprocess.run(["djpeg", "-scale", "1/2"], input=photo, stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run(["cjpeg", "-quality", "92"], input=pixels, stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture(scope="module")
def seen(samples, tmp_path_factory):
    """What the legacy system would have made of the sample photos: name, bytes, descriptors."""
    folder = tmp_path_factory.mktemp("photos")
    samples = [(name, halved(photo)) for name, photo in samples[:3]]
    for name, photo in samples:
        (folder / name).write_bytes(photo)
    out = liken("detect", "--pack", "seed", "--describe", *[folder / name for name, _ in samples])
    found = [(folder / name, photo, [f["descriptor"] for f in one["faces"]]) for (name, photo), one in zip(samples, out)]
    assert {one["detector"] for one in out} <= {"hog", "yunet", "ssd"}
    found = [row for row in found if row[2]]
    assert len(found) >= 2
    return found


def numbers(values):
    return ",".join(repr(float(v)) for v in values)


class Legacy:
    """The legacy program: its tables and its statements."""

    def __init__(self, postgres, name, form="whole", table="vectors"):
        self.postgres, self.name, self.table, self.form = postgres, name, table, form
        self.url = postgres.url(name)
        self.sql("CREATE EXTENSION IF NOT EXISTS cube")
        self.sql(f"CREATE TABLE IF NOT EXISTS {table} ({FORMS[form]})")
        self.sql(f"CREATE INDEX IF NOT EXISTS vectors_vec_idx ON {table} (vec_low, vec_high)")

    def sql(self, text):
        return self.postgres.sql(self.name, text)

    def insert(self, descriptor, file="f", image_id=1):
        columns = {"whole": ("file, image_id, ", f"'{file}', {image_id}, "), "no image_id": ("file, ", f"'{file}', "),
                   "no file": ("", "")}[self.form]
        return (f"INSERT INTO {self.table} ({columns[0]}vec_low, vec_high) VALUES ({columns[1]}CUBE(array[{numbers(descriptor[:64])}]),"
                f" CUBE(array[{numbers(descriptor[64:])}])) RETURNING id")

    def add(self, descriptor, **labels):
        return int(self.sql(self.insert(descriptor, **labels))[0][0])

    def search(self, descriptor):
        return [int(row[0]) for row in self.sql(SEARCH.format(table=self.table, low=numbers(descriptor[:64]),
                                                               high=numbers(descriptor[64:])))]


class Session:
    """One connection that stays open, for transactions."""

    def __init__(self, legacy):
        self.process = subprocess.Popen(legacy.postgres._psql(legacy.name, "")[:-2] + ["-f", "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def run(self, text):
        self.process.stdin.write(text + "; SELECT 'done';\n")
        self.process.stdin.flush()
        out = []
        while (line := self.process.stdout.readline().strip()) != "done":
            assert line or self.process.poll() is None
            out.append(line)
        return out

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture
def legacy(postgres, tmp_path):
    made = []

    def make(form="whole", table="vectors"):
        made.append(f"seed_{postgres.of(tmp_path)[-40:]}_{len(made)}")
        return Legacy(postgres, made[-1], form, table)

    yield make


def serve(start, legacy, *flags, table=None):
    return start("--store", legacy.url, "--legacy-table", table or legacy.table, *flags, data=legacy.name)


def matches(server, photo):
    answer = server.post("/faces/searches", files={"file": photo})
    assert answer.status == 200
    return [row["id"] for row in answer.json["matches"]]


@pytest.mark.parametrize("form", FORMS)
def test_served_in_place(form, legacy, start, seen):
    one = legacy(form)
    rows = {one.add(d, file=path.name, image_id=n): (n, path.name)
            for n, (path, _, descriptors) in enumerate(seen, 1) for d in descriptors}
    server = serve(start, one)
    for path, photo, descriptors in seen:
        answer = server.post("/faces/searches", files={"file": photo})
        assert answer.status == 200
        got = [row["id"] for row in answer.json["matches"]]
        own = [one.search(d) for d in descriptors]
        assert set(got) == set().union(*own)  # the legacy system's own answer, for every face of the query
        for row in answer.json["matches"]:
            n, name = rows[row["id"]]
            assert row["file"] == (None if form == "no file" else name)
            assert row["image_id"] == (str(n) if form == "whole" else None)
    path, photo, descriptors = seen[0]
    answer = server.post("/v1/collections/default/search", files={"file": photo})
    assert answer.status == 200 and answer.json["model"].startswith("seed-") and answer.json["searched"] == len(rows)
    for face, descriptor in zip(answer.json["faces"], descriptors):
        assert [m["face_id"] for m in face["matches"]][:20] == one.search(descriptor)[:20]
        assert face["matches"][0]["distance"] == pytest.approx(0, abs=1e-5)
        assert face["matches"][0]["width"] == 0
    first = min(rows)
    head, about, *photos, end = liken("export", "--store", one.url, "--seed-table", one.table, "--data", server.data)
    assert (about["name"], about["metric"], end["photos"], end["faces"]) == ("default", "l2", len(rows), len(rows))
    assert {photo["id"]: photo["image_id"] for photo in photos} == {i: str(n) if form == "whole" else None for i, (n, _) in rows.items()}
    told = {photo["id"]: photo["faces"][0]["descriptor"] for photo in photos}
    answer = server.post("/v1/collections/default/search", json={"descriptor": told[first], "limit": 1}).json
    assert (answer["faces"][0]["matches"][0]["face_id"], answer["faces"][0]["matches"][0]["distance"]) == (first, 0)
    answer = server.post("/v1/collections/default/search", json={"face_id": first})
    found = [m["face_id"] for m in answer.json["faces"][0]["matches"]]
    assert first not in found and answer.json["searched"] == len(rows) - 1


def test_rows_that_liken_adds_are_legacy_rows(legacy, start, seen):
    one = legacy()
    server = serve(start, one)
    path, photo, descriptors = seen[0]
    answer = server.post("/faces", files={"file": photo}, data={"url": "https://example.org/1.jpg", "image_id": "7"})
    assert answer.status == 201 and answer.json["status"] == "PROCESSED"
    ids = answer.json["ids"]
    assert len(ids) == len(descriptors)
    rows = one.sql("SELECT id, file, image_id, cube_dim(vec_low), cube_dim(vec_high), cube_is_point(vec_low) FROM vectors ORDER BY id")
    assert rows == [[str(i), "https://example.org/1.jpg", "7", "64", "64", "t"] for i in sorted(ids)]
    for descriptor in descriptors:
        found = one.search(descriptor)
        assert found[0] in ids  # the legacy program finds them by its own statement
        low = [float(v) for v in one.sql(f"SELECT vec_low FROM vectors WHERE id = {found[0]}")[0][0].strip("()").split(",")]
        assert low == pytest.approx(descriptor[:64], abs=1e-5)
    assert set(matches(server, photo)) >= set(ids)
    again = server.post("/faces", files={"file": photo}, data={"url": "https://example.org/1.jpg", "image_id": "7"})
    assert again.json["ids"] == ids and len(one.sql("SELECT 1 FROM vectors")) == len(ids)
    other = server.post("/faces", files={"file": photo}, data={"url": "https://example.org/2.jpg"})
    assert not set(other.json["ids"]) & set(ids)
    assert one.sql(f"SELECT image_id FROM vectors WHERE id = {other.json['ids'][0]}") == [[""]]
    listed = server.get("/v1/collections/default/images?image_id=7").json["images"]
    assert [i["id"] for i in listed] == sorted(ids)
    gone = ids[0]
    assert server.delete(f"/v1/collections/default/images/{gone}").status == 204
    assert one.sql(f"SELECT 1 FROM vectors WHERE id = {gone}") == []
    assert server.get(f"/v1/collections/default/images/{gone}").status == 404
    assert gone not in matches(server, photo)


def test_what_others_do_is_seen(legacy, start, seen):
    one = legacy()
    path, photo, (descriptor, *_) = seen[0]
    early = one.add(descriptor)
    server = serve(start, one)
    assert matches(server, photo) == [early]
    slow, quick = Session(one), Session(one)
    slow.run("BEGIN")
    held = int(slow.run(one.insert(descriptor, file="slow"))[0])
    done = int(quick.run(one.insert(descriptor, file="quick"))[0])
    assert held < done
    soon(lambda: matches(server, photo) == [early, done])  # a younger id is committed first
    slow.run("COMMIT")
    soon(lambda: sorted(matches(server, photo)) == [early, held, done])
    quick.run("BEGIN; " + one.insert(descriptor) + "; ROLLBACK")
    chosen = int(quick.run(one.insert(descriptor).replace("INTO vectors (", "INTO vectors (id, ").replace("VALUES (", "VALUES (-5 + 2 * 5000, "))[0])
    soon(lambda: chosen in matches(server, photo))
    lower = int(quick.run(one.insert(descriptor).replace("INTO vectors (", "INTO vectors (id, ").replace("VALUES (", "VALUES (777, "))[0])
    quick.close()
    soon(lambda: lower in matches(server, photo))  # an id of the inserter's own, below others
    one.sql(f"DELETE FROM vectors WHERE id = {held}")
    assert held not in matches(server, photo)
    soon(lambda: server.get("/v1/collections/default").json["faces"] == 4)
    one.sql(f"UPDATE vectors SET vec_low = CUBE(array[{numbers([9.0] * 64)}]) WHERE id = {done}")
    soon(lambda: done not in matches(server, photo))
    one.sql("VACUUM FULL vectors")  # every row lies somewhere else
    assert set(matches(server, photo)) == {early, chosen, lower}
    one.sql("TRUNCATE vectors RESTART IDENTITY")
    assert matches(server, photo) == []
    fresh = one.add(descriptor)
    assert fresh == 1
    soon(lambda: matches(server, photo) == [fresh])
    slow.close()


def test_two_servers_on_one_table(legacy, start, seen):
    one = legacy()
    path, photo, descriptors = seen[0]
    a = serve(start, one)
    b = start("--store", one.url, "--legacy-table", "vectors", data="b")
    ids = a.post("/faces", files={"file": photo}, data={"url": "u"}).json["ids"]
    soon(lambda: set(matches(b, photo)) >= set(ids))
    assert b.delete(f"/v1/collections/default/faces/{ids[0]}").status == 204
    assert ids[0] not in matches(a, photo)


HOSTILE = ["'); DROP TABLE vectors; --", 'a"b', "$1", "\\", "%T%s%n", "é\U0001f600", "x" * 10000, "\u202e", "a\nb"]


def test_hostile_labels_are_data(legacy, start, seen):
    one = legacy()
    server = serve(start, one)
    _, photo, descriptors = seen[-1]
    for text in HOSTILE:
        answer = server.post("/faces", files={"file": photo}, data={"url": text, "image_id": "1"})
        assert answer.status == 201, text[:40]
        stored = bytes.fromhex(one.sql(f"SELECT encode(convert_to(file, 'UTF8'), 'hex') FROM vectors WHERE id = {answer.json['ids'][0]}")[0][0])
        assert stored == text.encode()
        assert any(m["file"] == text for m in server.post("/faces/searches", files={"file": photo}).json["matches"])
        if len(text) < 1000:  # what fits into an address
            assert len(server.get("/v1/collections/default/images", params={"file": text}).json["images"]) == len(descriptors)
    broken = server.post("/faces", files={"file": photo, "url": (None, b"\xff\xfe")})
    assert broken.status == 201  # what is no UTF-8 becomes U+FFFD before it is stored, as everywhere on this route
    assert one.sql(f"SELECT file FROM vectors WHERE id = {broken.json['ids'][0]}")[0][0].strip("\ufffd") == ""
    count = len(one.sql("SELECT 1 FROM vectors"))
    for body in (b"a\0b", b""):
        answer = server.post("/faces", files={"file": photo, "url": (None, body)})
        assert answer.status == 400 and answer.json == {"error": "Invalid file or URL"}
    for text in ["1; DROP TABLE vectors", "abc", "NaN", "Infinity", "1e5", "--1", ".", "0x10", "1 2", "7\u0660", "1" * 1001, "'1'"]:
        answer = server.post("/faces", files={"file": photo}, data={"url": "u", "image_id": text})
        assert answer.status == 400, text[:40]
    assert len(one.sql("SELECT 1 FROM vectors")) == count
    for text, kept in [("007", "7"), ("-3", "-3"), ("1.50", "1.50"), ("9" * 1000, "9" * 1000), ("+4", "4")]:
        answer = server.post("/faces", files={"file": photo}, data={"url": "n", "image_id": text})
        assert answer.status == 201, text[:40]
        assert one.sql(f"SELECT image_id FROM vectors WHERE id = {answer.json['ids'][0]}") == [[kept]]


def test_what_a_table_has_no_room_for(legacy, start, seen):
    one = legacy("no file")
    server = serve(start, one)
    _, photo, descriptors = seen[0]
    assert server.post("/faces", files={"file": photo}, data={"url": "u", "image_id": "1"}).status == 400
    assert server.add(photo, tags="a").status == 422
    assert server.add(photo, captured_at="2020-01-01").status == 422
    added = server.add(photo)
    assert added.status == 201 and len(added.json["faces"]) == len(descriptors) and added.json["file"] is None
    assert server.post("/v1/collections/default/search", files={"file": photo}, data={"tags": "a"}).status == 422
    assert server.post("/v1/collections", json={"name": "other"}).status == 422
    assert server.delete("/v1/collections/default").status == 422
    assert server.get("/v1/collections/other").status == 404
    status = server.get("/v1/status").json
    assert status["images"] == status["faces"] == len(descriptors)


@pytest.mark.parametrize("table, words", [
    ("absent", "no table"), ("a view", "view"), ("plain", "vec_low"), ('x"; DROP TABLE plain; --', "no table"), ("", "empty"),
    ("odd", "file holds no text"), ('"vectors"', "without quotes")])
def test_tables_that_are_none(table, words, legacy, start):
    one = legacy()
    one.sql('CREATE TABLE IF NOT EXISTS plain (id int); CREATE OR REPLACE VIEW "a view" AS SELECT * FROM vectors;'
            " CREATE TABLE IF NOT EXISTS odd (id serial, file json, vec_low cube, vec_high cube)")
    with pytest.raises(RuntimeError, match=words):
        start("--store", one.url, "--legacy-table", table)
    with pytest.raises(RuntimeError, match="--store"):
        start("--store", "sqlite", "--legacy-table", "vectors")


def test_names_of_tables_and_schemas(legacy, start, seen):
    one = legacy()
    one.sql(f'CREATE SCHEMA "We ird"; CREATE TABLE "We ird"."Vec""tors" ({FORMS["whole"]}); CREATE SCHEMA elsewhere;'
            " ALTER EXTENSION cube SET SCHEMA elsewhere")
    server = serve(start, one, table='We ird.Vec"tors')
    _, photo, descriptors = seen[0]
    ids = server.post("/faces", files={"file": photo}, data={"url": "u", "image_id": "3"}).json["ids"]
    assert set(matches(server, photo)) >= set(ids)
    assert len(one.sql('SELECT 1 FROM "We ird"."Vec""tors"')) == len(descriptors)


def unfit(one):
    """Rows that cannot be used: what is wrong, by id."""
    point = f"CUBE(array[{numbers([0.1] * 64)}])"
    short = f"CUBE(array[{numbers([0.1] * 63)}])"
    wrong = {"126": (short, short), "NULL": ("NULL", point), "do not have": (point, "CUBE(array[1,2])"),
             "NaN": (f"CUBE(array[{numbers([0.1] * 63)},'NaN'::float8])", point),
             "no point": (point, f"CUBE(array[{numbers([0.1] * 64)}], array[{numbers([0.2] * 64)}])")}
    return {int(one.sql(f"INSERT INTO vectors (vec_low, vec_high) VALUES ({low}, {high}) RETURNING id")[0][0]): what
            for what, (low, high) in wrong.items()}


def test_rows_that_cannot_be_used(legacy, start, seen, tmp_path):
    one = legacy()
    bad = unfit(one)
    good = one.add(seen[0][2][0])
    server = serve(start, one)
    assert matches(server, seen[0][1]) == [good]
    assert server.get("/v1/collections/default").json["faces"] == 1
    *rows, last = liken("import", one.url, "--data", tmp_path / "data", code=1)
    assert {row["row"]: row["status"] for row in rows} == {i: "unusable" for i in bad}
    for row in rows:
        assert bad[row["row"]] in row["reason"]
    assert last["summary"]["added"] == 1 and last["summary"]["unusable"] == len(bad)


def test_ids_that_are_none(legacy, start, seen):
    """A row that has no id, or one that liken's answers have no room for, is told of; and none such is written."""
    one = legacy()
    one.add(seen[0][2][0])
    one.sql("ALTER TABLE vectors ALTER id DROP NOT NULL, ALTER id DROP DEFAULT; DROP SEQUENCE vectors_id_seq;"
            " INSERT INTO vectors SELECT n, file, image_id, vec_low, vec_high FROM vectors, unnest(array[0, -3, NULL]) n")
    server = serve(start, one)
    assert matches(server, seen[0][1]) == [1]
    assert "3 rows" in open(server.log.name, encoding="utf-8").read()
    answer = server.add(seen[0][1])
    assert answer.status == 409 and "IDENTITY" in answer.json["detail"]
    assert one.sql("SELECT count(*) FROM vectors") == [["4"]]
    one.sql("DELETE FROM vectors WHERE id IS NULL; ALTER TABLE vectors ALTER id SET NOT NULL,"
            " ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 50)")
    assert server.add(seen[0][1]).json["faces"][0]["id"] == 50


def test_a_row_that_the_table_refuses(legacy, start, seen):
    one = legacy()
    server = serve(start, one)
    one.sql("ALTER TABLE vectors ADD owner int NOT NULL")
    answer = server.add(seen[0][1])
    assert answer.status == 409 and "owner" in answer.json["detail"] and "liken fills in" in answer.json["detail"]
    one.sql("ALTER TABLE vectors DROP owner")
    assert server.add(seen[0][1]).status == 201


def test_a_view_is_imported(legacy, seen, tmp_path):
    """What is not of the legacy form can be shown in it."""
    one = legacy()
    one.add(seen[0][2][0], file="a.jpg")
    one.sql("CREATE TABLE other AS SELECT id::text AS key, file AS path, vec_low, vec_high FROM vectors;"
            " CREATE VIEW fitting AS SELECT key::int AS id, path AS file, vec_low, vec_high FROM other")
    (done,) = liken("import", one.url, "--table", "fitting", "--data", tmp_path / "data")
    assert done["summary"]["added"] == 1
    (image,) = liken("list", "--collection", "seed", "--data", tmp_path / "data")
    assert image["file"] == "a.jpg" and image["image_id"] is None


@pytest.mark.parametrize("form, into", [("whole", "postgres"), ("no image_id", "sqlite"), ("no file", "sqlite")])
def test_import(form, into, legacy, start, seen, postgres, tmp_path):
    one = legacy(form)
    rows = {one.add(d, file=path.name, image_id=n) for n, (path, _, descriptors) in enumerate(seen, 1) for d in descriptors}
    store = "sqlite" if into == "sqlite" else postgres.url("into_" + one.name)
    to = ["--data", tmp_path / "data", "--store", store]
    (done,) = liken("import", one.url, "--table", "vectors", "--collection", "old", *to)
    assert done["summary"]["added"] == len(rows) and done["summary"]["existed"] == 0
    late = one.add(seen[0][2][0], file="late.jpg", image_id=99)
    (done,) = liken("import", one.url, "--collection", "old", *to)
    assert done["summary"]["added"] == 1 and done["summary"]["existed"] == len(rows)
    server = start("--store", store, data="data")
    about = server.get("/v1/collections/old").json
    assert about["model"].startswith("seed-") and about["metric"] == "l2" and about["faces"] == len(rows) + 1
    assert about["threshold"] == pytest.approx(0.6)
    for path, photo, descriptors in seen[:2]:
        answer = server.post("/v1/collections/old/search", files={"file": photo}, data={"limit": "100"})
        assert answer.status == 200
        for face, descriptor in zip(answer.json["faces"], descriptors):
            assert len(face["matches"]) == len(one.search(descriptor))
            assert face["matches"][0]["distance"] == pytest.approx(0, abs=1e-5)
            assert form == "no file" or path.name in {m["file"] for m in face["matches"]}
    image = server.get(f"/v1/collections/old/images?limit=1").json["images"][0]
    assert image["width"] == image["height"] == 0
    assert image["faces"][0]["box"] == {"x": 0, "y": 0, "width": 0, "height": 0}
    assert late > max(rows)


def test_import_refuses(legacy, seen, tmp_path):
    one = legacy()
    data = ["--data", tmp_path / "data"]
    for words in (["--table", "absent"], ["--collection", "default"]):
        subprocess.run([BIN, "add", "--data", str(tmp_path / "data"), str(seen[0][0])], capture_output=True, check=False)
        done = subprocess.run([BIN, "import", one.url, *words, *map(str, data)], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and ("absent" in done.stderr or "default" in done.stderr)
    done = subprocess.run([BIN, "import", "postgres://u:secretword@127.0.0.1:1/x", *map(str, data)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "secretword" not in done.stderr + done.stdout


def test_import_anew(legacy, seen, tmp_path):
    one = legacy()
    path, photo, descriptors = seen[0]
    for d in descriptors:
        one.add(d, file=str(path), image_id=5)
    lost = one.add(descriptors[0], file=str(tmp_path / "gone.jpg"))
    web = one.add(descriptors[0], file="https://example.org/x.jpg")
    bare = int(one.sql(one.insert(descriptors[0]).replace("'f'", "NULL"))[0][0])
    *rows, last = liken("import", one.url, "--reencode", "--data", tmp_path / "data", code=1)
    assert {row["row"] for row in rows} == {lost, web, bare}
    assert last["summary"]["added"] == 1 and last["summary"]["existed"] == len(descriptors) - 1
    (image,) = liken("list", "--data", tmp_path / "data")
    assert image["image_id"] == "5" and image["file"] == str(path) and image["width"] > 0
    assert image["faces"][0]["box"]["width"] > 0


def test_the_old_clients_find_what_was_imported(legacy, start, seen, tmp_path):
    """The documented way from the old system: import, serve, and its two calls as they stand."""
    one = legacy()
    for n, (path, _, descriptors) in enumerate(seen, 1):
        for d in descriptors:
            one.add(d, file=f"/photos/{path.name}", image_id=n)
    (done,) = liken("import", one.url, "--data", tmp_path / "data")
    assert done["summary"]["added"] > 0
    server = start("--legacy-collection", "seed", data="data")
    for n, (path, photo, descriptors) in enumerate(seen, 1):
        found = server.post("/faces/searches", files={"file": photo})
        assert found.status == 200
        assert set(found.json["matches"][0]) == {"id", "file", "image_id"}
        assert {m["file"] for m in found.json["matches"][:len(descriptors)]} == {f"/photos/{path.name}"}
        assert {m["image_id"] for m in found.json["matches"][:len(descriptors)]} == {str(n)}
    path, photo, descriptors = seen[0]
    fresh = photo + b"\0"  # other bytes, the same picture
    added = server.post("/faces", files={"file": fresh}, data={"url": "/photos/new.jpg", "image_id": "77"})
    assert added.status == 201 and added.json["status"] == "PROCESSED" and len(added.json["ids"]) == len(descriptors)
    found = server.post("/faces/searches", files={"file": photo}).json["matches"]
    assert {"/photos/new.jpg", f"/photos/{path.name}"} <= {m["file"] for m in found}
    assert server.get("/v1/collections/default").json["faces"] == 0


def test_a_misspelt_collection_of_the_old_calls_is_told_at_the_start(start):
    with pytest.raises(RuntimeError, match="POST /faces/searches"):
        start("--legacy-collection", "sed")
