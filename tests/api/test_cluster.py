"""A gallery on three PostgreSQL servers, as its operator and its clients see it."""
import json
import subprocess

import pytest

import postgres as pg
from conftest import BIN, soon


@pytest.fixture(scope="module")
def shards():
    if pg.missing():
        pytest.skip(pg.missing())
    servers = [pg.Postgres() for _ in range(4)]
    yield servers
    for one in servers:
        one.kill()
        one.remove()


def liken(*words, code=0):
    done = subprocess.run([BIN, *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def cluster(store, *words, code=0):
    """The last line of JSON that `liken cluster` prints."""
    out = liken("cluster", *words, "--store", store, "--json", code=code).stdout
    return json.loads(out.splitlines()[-1]) if out else None


def address(name, shards, database):
    return f"{name}={shards['abcd'.index(name)].url(database)}"


def test_the_plan_is_arithmetic():
    plan = json.loads(liken("cluster", "plan", "10M", "--json").stdout)
    assert plan["faces"] == 1e7
    assert plan["shards"] == 32
    assert plan["cube_seconds"] == pytest.approx(1.0)
    assert plan["shard_bytes"] * plan["shards"] == pytest.approx(plan["cube_bytes"])
    assert "1000000000 faces" in liken("cluster", "plan", "1B").stdout
    for word in ("", "ten", "-5", "0", "10X", "1e99"):
        liken("cluster", "plan", word, code=2)


def test_what_is_no_cluster_says_so(postgres, tmp_path):
    store = postgres.url("no_cluster")
    assert "is not spread" in liken("cluster", "status", "--store", store, code=1).stderr
    assert "is not spread" in liken("cluster", "balance", "--store", store, code=1).stderr
    done = liken("cluster", "status", "--data", str(tmp_path), code=2)
    assert "PostgreSQL" in done.stderr
    liken("cluster", "create", "--store", store, "nothing", code=2)
    wrong = liken("cluster", "create", "--store", store, "a=postgres://liken:s3cret@127.0.0.1:1/x", code=1)
    assert 'Shard "a"' in wrong.stderr and "s3cret" not in wrong.stderr
    assert "is not spread" in liken("cluster", "status", "--store", store, code=1).stderr


def by_descriptor(server, face, collection="default", **fields):
    query = {"face_id": face} if face else {}
    return server.post(f"/v1/collections/{collection}/search",
                       json={**query, "limit": 100, "threshold": 1000, **fields})


def test_a_gallery_spread_grown_and_broken(postgres, shards, start, samples):
    store = postgres.url("spread")
    server = start("--store", store)
    ids = [face["id"] for name, photo in samples[:3] for face in server.add((name, photo)).json["faces"]]
    before = {face: by_descriptor(server, face).json["faces"] for face in ids}

    assert cluster(store, "create", *(address(name, shards, "part") for name in "abc"))["status"] == "created"
    ids += [face["id"] for name, photo in samples[3:] for face in server.add((name, photo)).json["faces"]]
    cluster(store, "create", address("d", shards, "part"), code=1)
    liken("collections", "set", "default", "--search", "cube", "--store", store)

    # the same answers, and those of a server that searches in memory
    other = start("--store", store, "--index-memory", "1MiB", data="other")
    for face in ids:
        answer = by_descriptor(server, face).json
        assert answer["mode"] == "exact" and "missing" not in answer
        assert answer["faces"] == by_descriptor(other, face).json["faces"]
        if face in before:
            assert len(answer["faces"][0]["matches"]) == len(ids) - 1

    status = cluster(store, "status", "--deep")
    assert status["engine"] == "postgres_fdw"
    assert [one["name"] for one in status["shards"]] == ["a", "b", "c"]
    assert sum(one["faces"] for one in status["shards"]) == len(ids) == status["faces"]
    assert sum(one["missing"] + one["orphans"] for one in status["shards"]) == 0

    export = [json.loads(line) for line in liken("export", "--store", store).stdout.splitlines()]
    assert export[-1] == {"type": "end", "collections": 1, "photos": len(samples), "faces": len(ids)}
    told = {face["id"]: face["descriptor"] for line in export if line["type"] == "photo" for face in line["faces"]}
    assert sorted(told) == sorted(ids)
    answer = by_descriptor(server, None, descriptor=told[ids[0]]).json["faces"][0]["matches"][0]
    assert (answer["face_id"], answer["distance"]) == (ids[0], 0)

    # a shard goes
    shards[1].kill()
    gone = by_descriptor(server, ids[0])
    assert gone.status == 503 and gone.json["code"] == "busy" and 'Shard "b"' in gone.json["detail"]
    assert int(gone.headers["retry-after"]) > 0
    part = by_descriptor(server, next(face for face in ids if face % 64 % 3 != 1), partial=True)
    assert part.status == 200 and part.json["missing"] == ["b"]
    here = {match["face_id"] for match in part.json["faces"][0]["matches"]}
    assert here and all(face % 64 % 3 != 1 for face in here)
    assert cluster(store, "status", code=1)["shards"][1]["trouble"]
    assert "cluster shard b" in liken("doctor", "--store", store, code=1).stdout
    shards[1].start()
    whole = soon(lambda: (lambda a: a.status == 200 and a)(by_descriptor(server, ids[0])))
    assert len(whole.json["faces"][0]["matches"]) == len(ids) - 1

    # a fourth comes
    assert cluster(store, "add", address("d", shards, "part"))["status"] == "added"
    for face in ids:
        assert len(by_descriptor(server, face).json["faces"][0]["matches"]) == len(ids) - 1
    status = cluster(store, "status", "--deep")
    assert [one["buckets"] for one in status["shards"]] == [16, 16, 16, 16]
    assert sum(one["missing"] + one["orphans"] for one in status["shards"]) == 0

    # what is removed leaves the shards
    for image in server.get("/v1/collections/default/images").json["images"]:
        assert server.delete(f"/v1/collections/default/images/{image['id']}").status == 204
    assert sum(one["faces"] for one in cluster(store, "status", "--deep")["shards"]) == 0
    assert cluster(store, "clean") == cluster(store, "sweep") == {"removed": 0}  # by its other name
