"""liken export beside a server that goes on: what it writes is what is there, and searches find by it."""
import csv
import io
import json
import subprocess

from conftest import BIN, Server


def liken(server, *words, code=0):
    store = ["--store", Server.postgres.url(Server.postgres.of(server.data))] if Server.postgres else []
    done = subprocess.run([BIN, *words, "--data", server.data, *store], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def without_descriptors(image):
    faces = [{k: v for k, v in face.items() if k != "descriptor"} for face in image["faces"]]
    return {**{k: v for k, v in image.items() if k not in ("type", "existed")}, "faces": faces}


def test_an_export_is_what_is_there(server, samples):
    """As liken list has it, with descriptors by which each face is found at distance 0; nothing of what was removed."""
    assert server.post("/v1/collections", json={"name": "raw", "metric": "l2"}).status == 201
    for name, photo in samples[:3]:
        assert server.add((name, photo), image_id=f"id {name}", url=f"https://example.org/{name}", tags="a,b").status == 201
    second = server.add(samples[0], collection="raw", captured_at="2020-02-29T12:00:00Z").json
    first, *_, last = server.get("/v1/collections/default/images").json["images"]
    assert server.delete(f"/v1/collections/default/images/{last['id']}").status == 204
    gone = first["faces"][0]["id"]
    assert server.delete(f"/v1/collections/default/faces/{gone}").status == 204

    head, *middle, end = lines(liken(server, "export"))
    assert (head["type"], head["schema"], end["type"]) == ("export", 1, "end")
    photos = [line for line in middle if line["type"] == "photo"]
    collections = {line["name"]: line for line in middle if line["type"] == "collection"}
    assert (collections["default"]["metric"], collections["raw"]["metric"]) == ("normalized", "l2")
    assert all(line["model"] == collections[line["collection"]]["model"] for line in photos)
    listed = lines(liken(server, "list", "--json")) + lines(liken(server, "list", "--json", "--collection", "raw"))
    assert [without_descriptors(photo) for photo in photos] == [without_descriptors(image) for image in listed]
    faces = {face["id"]: (photo["collection"], face) for photo in photos for face in photo["faces"]}
    assert (end["photos"], end["faces"], end["collections"]) == (len(photos), len(faces), 2)
    assert gone not in faces and not {face["id"] for face in last["faces"]} & faces.keys()
    assert photos[-1]["captured_at"] == "2020-02-29T12:00:00Z" and photos[-1]["sha256"] == second["sha256"]

    for face, (collection, told) in faces.items():
        answer = server.post(f"/v1/collections/{collection}/search", json={"descriptor": told["descriptor"], "limit": 1})
        [match] = answer.json["faces"][0]["matches"]
        assert (match["face_id"], match["distance"]) == (face, 0)

    table = list(csv.DictReader(io.StringIO(liken(server, "export", "--format", "csv"), newline="")))
    rows = {int(row["face_id"]): row for row in table if row["face_id"]}
    assert {face: json.loads(row["descriptor"]) for face, row in rows.items()} == {f: told["descriptor"] for f, (_, told) in faces.items()}
    for photo in photos:
        row = next(row for row in table if int(row["image"]) == photo["id"])
        assert (row["collection"], row["sha256"], row["added_at"]) == (photo["collection"], photo["sha256"], photo["added_at"])
        assert [json.loads(row[k]) for k in ("files", "image_ids", "tags")] == [photo[k] for k in ("files", "image_ids", "tags")]
        assert row["metric"] == collections[photo["collection"]]["metric"] and row["schema"] == "1"
    some = next(iter(rows))
    face, row = faces[some][1], rows[some]
    assert [float(row[f"box_{k}"]) for k in ("x", "y", "width", "height")] == [face["box"][k] for k in ("x", "y", "width", "height")]
    assert json.loads(row["landmarks"]) == [v for point in face["landmarks"] for v in (point["x"], point["y"])]
    assert all(float(row[k]) == v for k, v in face["quality"].items()) and float(row["confidence"]) == face["confidence"]
    assert sum(1 for row in table if row["reason"]) == sum(len(photo["refused"]) for photo in photos)

    out = server.data.parent / "out.csv"
    told = json.loads(liken(server, "export", "--json", "--collection", "raw", "-o", out))
    assert (told["collections"], told["photos"]) == (1, 1)
    assert len(list(csv.DictReader(io.StringIO(out.read_text(), newline="")))) >= told["faces"]
