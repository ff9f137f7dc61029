"""A gallery that Citus spreads over servers, as its operator and its clients see it. Citus is not packaged for Debian:
where the servers have it this runs, elsewhere it is skipped by name."""
import re
import socket
import subprocess
import threading

import pytest

import postgres as pg
from conftest import BIN, soon
from test_cluster import by_descriptor, cluster, liken

SETTINGS = {
    "shared_preload_libraries": "'citus'", "listen_addresses": "'127.0.0.1'", "max_prepared_transactions": "100",
    "wal_level": "logical", "citus.node_conninfo": "'sslmode=disable'", "citus.recover_2pc_interval": "'1s'",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def nodes(postgres):
    """The coordinator and three others."""
    if not postgres.has("citus"):
        pytest.skip("the PostgreSQL server has no extension citus")
    servers = [pg.Postgres(port=free_port(), **SETTINGS) for _ in range(4)]
    yield servers
    for one in servers:
        one.kill()
        one.remove()


def url(node, database):
    node.database(database)
    return f"postgres://liken@127.0.0.1:{node.port}/{database}"


class Uploads(threading.Thread):
    """Adds files like no other, a sample photo with a tail each, until it is told to stop."""

    def __init__(self, server, photo):
        super().__init__()
        self.server, self.photo = server, photo
        self.done, self.added, self.refused, self.fault = threading.Event(), [], 0, None
        self.pause = 0.3

    def run(self):
        try:
            while not self.done.is_set():
                answer = self.server.add(("more.jpg", self.photo + b"\0%d" % (len(self.added) + self.refused)))
                if answer.status == 503:
                    assert int(answer.headers["retry-after"]) > 0
                    self.refused += 1
                    continue
                assert answer.status == 201, answer.json.get("detail")
                self.added += [face["id"] for face in answer.json["faces"]]
                self.done.wait(self.pause)
        except BaseException as fault:  # told by the test itself
            self.fault = fault

    def end(self):
        self.done.set()
        self.join()
        if self.fault:
            raise self.fault
        return self.added


def is_whole(store, node, database):
    """Each face has its descriptor and each descriptor its face, as the doctor and the tables say."""
    if subprocess.run([BIN, "doctor", "--store", store], capture_output=True, timeout=300, check=False).returncode != 0:
        return False
    faces, vectors = (node.sql(database, f"SELECT count(*) FROM liken.{table}")[0][0] for table in ("faces", "vectors"))
    return faces == vectors


def test_addresses_are_checked(nodes, postgres):
    store = url(nodes[0], "checks")
    assert "host and a port" in liken("cluster", "create", "--store", store, f"a={nodes[1].url('checks')}", code=2).stderr
    other = liken("cluster", "create", "--store", store, f"a={url(nodes[1], 'another')}", code=2).stderr
    assert 'Shard "a"' in other and "same database and user" in other
    nodes[1].database("checks")
    nodes[1].sql("checks", "CREATE SCHEMA liken")
    assert "of its own" in liken("cluster", "create", "--store", store, f"a={url(nodes[1], 'checks')}", code=1).stderr
    assert "is not spread" in liken("cluster", "status", "--store", store, code=1).stderr
    assert nodes[0].sql("checks", "SELECT extname FROM pg_extension WHERE extname = 'citus'") == []


def test_a_gallery_spread_grown_and_broken(nodes, start, samples):
    store = url(nodes[0], "spread")
    server = start("--store", store)
    ids = [face["id"] for name, photo in samples[:3] for face in server.add((name, photo)).json["faces"]]
    a, b, c = (f"{name}={url(node, 'spread')}" for name, node in zip("abc", nodes[1:]))
    assert cluster(store, "create", a, b)["status"] == "created"
    liken("cluster", "create", "--store", store, c, code=1)
    ids += [face["id"] for name, photo in samples[3:] for face in server.add((name, photo)).json["faces"]]

    # the same answers by each way to search
    answers = {}
    for way in ("memory", "cube", *(["pgvector"] if nodes[0].has("vector") else [])):
        liken("collections", "set", "default", "--search", way, "--store", store)
        soon(lambda: server.get("/v1/collections/default").json["search"] == way)
        answers[way] = [by_descriptor(server, face).json["faces"] for face in ids]
        assert all(len(answer[0]["matches"]) == len(ids) - 1 for answer in answers[way])
    assert all(answer == answers["memory"] for answer in answers.values())
    if nodes[0].has("vector"):
        liken("collections", "set", "default", "--search", "hnsw", "--store", store)
        near = soon(lambda: (lambda x: x.json["mode"] == "approximate" and x.json)(by_descriptor(server, ids[0])))
        assert near["recall"] == 1 and near["faces"] == answers["memory"][0]  # of so few

    liken("collections", "set", "default", "--search", "cube", "--store", store)

    # the limit is the nodes' own
    plan = "\n".join(row[0] for row in nodes[0].sql("spread", "EXPLAIN (VERBOSE) SELECT face FROM liken.vectors ORDER BY"
                                                    " cube_distance(c0, cube(array_fill(0.1::float8, ARRAY[64]))) LIMIT 5"))
    assert re.search(r"Task Count: 64", plan) and re.search(r"Query: .*ORDER BY .*LIMIT '?5", plan), plan

    status = cluster(store, "status", "--deep")
    assert status["engine"] == "citus" and [one["name"] for one in status["shards"]] == ["a", "b"]
    assert [one["buckets"] for one in status["shards"]] == [32, 32]
    assert sum(one["faces"] for one in status["shards"]) == len(ids) == status["faces"]

    # a node goes while photos come
    uploads = Uploads(server, samples[0][1])
    uploads.start()
    soon(lambda: len(uploads.added) > 1)
    nodes[2].kill()
    gone = soon(lambda: (lambda x: x.status == 503 and x)(by_descriptor(server, ids[0])))
    assert gone.json["code"] == "busy" and 'Shard "b"' in gone.json["detail"]
    assert f"127.0.0.1:{nodes[2].port}" in gone.json["detail"] and int(gone.headers["retry-after"]) > 0
    assert [bool(one["trouble"]) for one in cluster(store, "status", code=1)["shards"]] == [False, True]
    soon(lambda: uploads.refused > 0)
    nodes[2].start()
    so_far = len(uploads.added)
    soon(lambda: len(uploads.added) > so_far + 1)
    ids += uploads.end()
    soon(lambda: by_descriptor(server, ids[0]).status == 200)  # a node that was away is asked again within seconds
    for face in ids:
        assert len(by_descriptor(server, face).json["faces"][0]["matches"]) == len(ids) - 1
    soon(lambda: is_whole(store, nodes[0], "spread"))

    # a third comes while photos come
    uploads = Uploads(server, samples[0][1] + b"again")
    uploads.start()
    assert cluster(store, "add", c)["status"] == "added"
    ids += uploads.end()
    assert uploads.added
    status = cluster(store, "status", "--deep")
    assert len(status["shards"]) == 3 and all(one["buckets"] >= 20 and one["faces"] for one in status["shards"])
    assert sum(one["faces"] for one in status["shards"]) == len(ids)
    assert len(by_descriptor(server, ids[0], limit=1000).json["faces"][0]["matches"]) == len(ids) - 1

    # what is removed is gone everywhere
    for image in server.get("/v1/collections/default/images?limit=1000").json["images"]:
        gone = server.delete(f"/v1/collections/default/images/{image['id']}")
        assert gone.status == 204, gone.json["detail"]
    assert sum(one["faces"] for one in cluster(store, "status", "--deep")["shards"]) == 0
    assert cluster(store, "clean") == {"removed": 0}


def lost_with(node, database, shard):
    """The faces whose descriptors lie there."""
    return {int(row[0]) for row in node.sql(database, "SELECT f.id FROM liken.faces f JOIN pg_dist_placement p ON p.shardid ="
                                            " get_shard_id_for_distribution_column('liken.vectors', f.id) JOIN pg_dist_node n"
                                            f" USING (groupid) JOIN liken.citus c ON c.node = n.nodeid WHERE c.name = '{shard}'")}


def test_what_the_other_nodes_hold(nodes, start, samples):
    """A node is killed, or hangs: who asks for a part of the answer gets just what the others hold, as it was before."""
    store = url(nodes[0], "part")
    server = start("--store", store)
    assert cluster(store, "create", *(f"{name}={url(node, 'part')}" for name, node in zip("ab", nodes[1:])))["status"] == "created"
    tags = ["it's \"$1\"\\", "plain"]
    questions = []
    for way in ("cube", *(["pgvector"] if nodes[0].has("vector") else [])):
        assert server.post("/v1/collections", json={"name": way, "search": way}).status == 201
        added = [server.add(photo, way, tags=tags[:1 + n % 2]).json["faces"] for n, photo in enumerate(samples)]
        ids = [face["id"] for faces in added for face in faces]
        lost = lost_with(nodes[0], "part", "b")
        assert lost & set(ids) and set(ids) - lost
        face = next(face for face in ids if face not in lost)
        for fields in ({}, {"tags": tags}, {"limit": 3}, {"threshold": 0.5}):
            whole = by_descriptor(server, face, way, **{**fields, "limit": 100}).json["faces"][0]["matches"]
            here = [match for match in whole if match["face_id"] not in lost]
            questions.append((way, face, fields, here[:fields.get("limit", 100)]))
    assert all(expected for _, _, fields, expected in questions if "threshold" not in fields)

    def ask_all():
        for way, face, fields, expected in questions:
            part = soon(lambda: (lambda x: x.status == 200 and x.json)(by_descriptor(server, face, way, partial=True, **fields)))
            assert part["missing"] == ["b"] and part["mode"] == "exact" and part["faces"][0]["matches"] == expected
            whole = by_descriptor(server, face, way, **fields)
            assert whole.status == 503 and 'Shard "b"' in whole.json["detail"] and int(whole.headers["retry-after"]) > 0

    nodes[2].kill()
    ask_all()
    nodes[0].sql("part", "UPDATE liken.near SET filled = 0")  # read as bytes, and compared by liken
    ask_all()
    nodes[2].start()
    soon(lambda: by_descriptor(server, face, way).status == 200)
    assert "missing" not in by_descriptor(server, face, way, partial=True).json
    nodes[2].pause()
    ask_all()
    nodes[2].go_on()
    soon(lambda: by_descriptor(server, face, way).status == 200)
    assert server.stop() == 0


def test_a_server_that_searches_in_memory_misses_nobody(nodes, start, samples):
    """Citus's nodes show what was committed one after the other, and late after a crash: nobody reads on beyond it."""
    store = url(nodes[0], "memory")
    server = start("--store", store)
    ids = [face["id"] for face in server.add(samples[0]).json["faces"]]
    assert cluster(store, "create", *(f"{name}={url(node, 'memory')}" for name, node in zip("ab", nodes[1:])))
    other = start("--store", store, data="other")
    uploads = Uploads(server, samples[0][1])
    uploads.pause = 0
    uploads.start()
    for victim in (nodes[2], nodes[0], nodes[1]):  # nodes[0]: the coordinator
        so_far = len(uploads.added)
        while uploads.is_alive() and len(uploads.added) < so_far + 20:
            assert by_descriptor(other, ids[0]).status in (200, 503)
        victim.kill()
        victim.start()
    ids += uploads.end()
    soon(lambda: is_whole(store, nodes[0], "memory"))
    found = soon(lambda: (lambda x: x.status == 200 and x.json["faces"][0]["matches"])(
        by_descriptor(other, ids[0], limit=1000)))
    assert {match["face_id"] for match in found} == set(ids[1:])

    # a descriptor that is still to come, as long as it does not, is nothing that is read past
    nodes[0].sql("memory", "BEGIN; CREATE TABLE aside AS SELECT * FROM liken.vectors WHERE face = %d;"
                           " DELETE FROM liken.vectors WHERE face = %d; COMMIT" % (ids[-2], ids[-2]))
    with pytest.raises(RuntimeError, match="yet to commit"):
        start("--store", store, data="early")
    nodes[0].sql("memory", "INSERT INTO liken.vectors SELECT * FROM aside")
    late = start("--store", store, data="late")
    assert {match["face_id"] for match in by_descriptor(late, ids[0], limit=1000).json["faces"][0]["matches"]} == set(ids[1:])
