"""Who liken is to the database, and how that is set up: rights that are missing or lost, settings of roles and databases,
a standby, an encoding, a version, a pooler. Nothing of it may change an answer; what cannot work is told in a sentence."""
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import urllib.parse

import pytest

from conftest import BIN, MODELS, soon
from postgres import Postgres, account, missing

# everything a role may have set that could change what a statement means, or how its answer is written; the time for a
# statement holds until liken sets its own, which may take a while on a busy machine
ODD = {
    "standard_conforming_strings": "off", "escape_string_warning": "off", "bytea_output": "escape", "DateStyle": "'German, DMY'",
    "IntervalStyle": "sql_standard", "extra_float_digits": "-15", "statement_timeout": "500", "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1", "idle_session_timeout": "300", "default_transaction_isolation": "serializable",
    "client_encoding": "LATIN1", "TimeZone": "'Asia/Kathmandu'", "transform_null_equals": "on", "array_nulls": "off",
    "quote_all_identifiers": "on", "synchronous_commit": "off", "enable_seqscan": "off", "search_path": "evil",
}
# whoever may make functions in a schema of the search path could be asked instead of the server's own
EVIL = """CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.boom() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'asked evil'; END$$;
CREATE FUNCTION evil.joined(text, bigint) RETURNS text LANGUAGE sql AS 'SELECT evil.boom()';
CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = bigint, FUNCTION = evil.joined);
CREATE FUNCTION evil.near(cube, cube) RETURNS float8 LANGUAGE sql AS 'SELECT evil.boom()::float8';
CREATE TABLE evil.vectors (nothing int); CREATE TABLE evil.faces (nothing int)"""


@pytest.fixture
def base(postgres, tmp_path):
    name = postgres.of(tmp_path)
    postgres.database(name)
    return name


def role(postgres, base, name, *, schema=True, **settings):
    """A role that owns no more than a schema; its address."""
    postgres.sql(base, f"CREATE ROLE {name} LOGIN")
    if schema:
        postgres.sql(base, f"CREATE SCHEMA liken AUTHORIZATION {name}")
    for word, value in settings.items():
        postgres.sql(base, f"ALTER ROLE {name} SET {word} = {value}")
    return f"postgres://{name}@{urllib.parse.quote(str(postgres.folder), safe='')}:{postgres.port}/{base}"


@pytest.fixture
def who(base):
    """The name of a role of the test's own: they belong to the server, not to a database."""
    return "r_" + base[-40:]


@pytest.fixture
def run(tmp_path):
    def run(store, *words):
        done = subprocess.run([BIN, *words, "--store", store, "--data", str(tmp_path / "cli")], capture_output=True, text=True,
                              timeout=120, env={**os.environ, "LIKEN_MODELS": str(MODELS)})
        return done.returncode, done.stdout, done.stderr
    return run


def ok(answer):
    assert answer[0] == 0, answer[2]
    return answer[1]


def refused(answer, *words):
    assert answer[0] != 0 and all(word in answer[2] for word in words), answer
    return answer[2]


def photo_file(tmp_path, samples, n=0):
    path = tmp_path / f"{n}.jpg"
    path.write_bytes(samples[n][1])
    return str(path)


# ---- rights ----


def test_a_schema_of_its_own_is_enough(postgres, base, who, run, samples, tmp_path):
    store, photo = role(postgres, base, who), photo_file(tmp_path, samples)
    postgres.sql(base, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    ok(run(store, "add", photo))
    assert json.loads(ok(run(store, "search", "--json", photo)))
    refused(run(store, "collections", "set", "--search", "cube", "default"), "CREATE EXTENSION cube")
    postgres.sql(base, "CREATE EXTENSION cube")
    ok(run(store, "collections", "set", "--search", "cube", "default"))
    assert json.loads(ok(run(store, "search", "--json", photo)))
    ok(run(store, "doctor"))
    ok(run(store, "collections", "rm", "--yes", "default"))
    assert json.loads(ok(run(store, "status", "--json")))["faces"] == 0


def test_no_schema_and_no_right_to_make_one(postgres, base, who, run):
    refused(run(role(postgres, base, who, schema=False), "serve", "--port", "0"), "does not allow it", "grant liken's user the right")


def test_a_role_that_reads(postgres, base, who, run, samples, tmp_path):
    photo = photo_file(tmp_path, samples)
    owner = postgres.url(base)
    ok(run(owner, "add", photo))
    ok(run(owner, "collections", "set", "--search", "cube", "default"))
    store = role(postgres, base, who, schema=False)
    refused(run(store, "list"), "does not allow it")
    postgres.sql(base, f"GRANT USAGE ON SCHEMA liken TO {who}; GRANT SELECT ON ALL TABLES IN SCHEMA liken TO {who}")
    ok(run(store, "doctor"))
    assert json.loads(ok(run(store, "status", "--json")))["faces"] > 0
    assert len(ok(run(store, "list", "--json")).splitlines()) == 1
    assert json.loads(ok(run(store, "search", "--json", photo)))
    refused(run(store, "add", photo_file(tmp_path, samples, 1)), "does not allow it", "grant liken's user the right")
    refused(run(store, "collections", "rm", "--yes", "default"), "does not allow it")


def test_rights_that_are_lost(postgres, base, who, start, samples):
    store = role(postgres, base, who)
    server = start("--store", store)
    first = server.add(samples[0][1]).json
    postgres.sql(base, f"REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA liken FROM {who}")
    answer = server.add(samples[1][1])
    assert (answer.status, answer.json["code"]) == (403, "read_only") and "does not allow it" in answer.json["detail"], answer.json
    assert "can only be read" in server.get("/v1/status").json["read_only"]
    soon(lambda: server.get("/readyz").json.get("read_only") is True, "/readyz does not tell")
    assert server.get(f"/v1/collections/default/images/{first['id']}").status == 200
    postgres.sql(base, f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA liken TO {who}")
    assert server.add(samples[1][1]).status == 201
    assert server.get("/v1/status").json["read_only"] is None


def test_a_server_for_a_role_that_reads(postgres, base, who, start, run, samples, tmp_path):
    ok(run(postgres.url(base), "add", photo_file(tmp_path, samples)))
    store = role(postgres, base, who, schema=False)
    postgres.sql(base, f"GRANT USAGE ON SCHEMA liken TO {who}; GRANT SELECT ON ALL TABLES IN SCHEMA liken TO {who}")
    server = start("--store", store)
    assert server.post("/v1/collections/default/search", files={"file": samples[0][1]}).json["faces"][0]["matches"]
    image = server.get("/v1/collections/default/images").json["images"][0]
    for answer in (server.add(samples[1][1]), server.delete(f"/v1/collections/default/images/{image['id']}"),
                   server.delete("/v1/collections/default"), server.post("/v1/collections", json={"name": "party"}),
                   server.call("PATCH", "/v1/collections/default", json={"search": "memory"}),
                   server.delete(f"/v1/collections/default/faces/{image['faces'][0]['id']}"),
                   server.post("/faces", files={"file": samples[1][1]}, data={"url": "x"})):
        assert (answer.status, answer.json["code"]) == (403, "read_only"), answer.json
    assert server.get("/readyz").json == {"status": "ready", "read_only": True}
    assert "note" in ok(run(store, "doctor")) and "read-only" in ok(run(store, "status"))


def test_reading_makes_no_schema(postgres, base, run, samples, tmp_path):
    store, photo = postgres.url(base), photo_file(tmp_path, samples)
    for words in (("list",), ("search", photo), ("status",), ("collections", "list"), ("rm", "--yes", "1")):
        refused(run(store, *words), "There is no gallery in", "liken add PHOTO")
    assert not postgres.sql(base, "SELECT 1 FROM pg_namespace WHERE nspname = 'liken'")
    assert not (tmp_path / "cli").exists()
    ok(run(store, "add", photo))
    postgres.sql(base, "UPDATE liken.meta SET value = '2' WHERE key = 'schema'")
    refused(run(store, "list"), "of an older liken", "liken serve")
    assert "2" in str(postgres.sql(base, "SELECT value FROM liken.meta WHERE key = 'schema'"))


# ---- settings ----


@contextlib.contextmanager
def slow_table(postgres, base):
    """Holds up writes of images for a second."""
    hold = threading.Thread(target=postgres.sql, args=(
        base, "BEGIN; LOCK TABLE liken.images IN EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT"))
    hold.start()
    while not postgres.sql(base, "SELECT 1 FROM pg_locks WHERE relation = 'liken.images'::regclass AND mode = 'ExclusiveLock'"):
        pass
    yield
    hold.join()


def test_settings_of_a_role_change_nothing(postgres, base, who, start, run, samples, tmp_path):
    store = role(postgres, base, who, schema=False, **ODD)
    postgres.sql(base, "CREATE EXTENSION cube SCHEMA public")
    postgres.sql(base, EVIL.replace("cube, cube", "public.cube, public.cube"))
    postgres.sql(base, f"CREATE SCHEMA liken AUTHORIZATION {who}")
    server = start("--store", store)
    label = "a\\'b\"ü\\\\"
    added = [server.add(photo, image_id=label, tags=[label]).json for _, photo in samples[:3]]
    memory = server.post("/v1/collections/default/search", files={"file": samples[0][1]}, data={"tags": [label]}).json
    assert memory["faces"][0]["matches"][0]["image_id"] == label
    with slow_table(postgres, base):  # longer than the role's limits, shorter than liken's
        assert server.add(samples[3][1]).status == 201
    assert server.call("PATCH", "/v1/collections/default", json={"search": "cube"}).status == 200
    cube = server.post("/v1/collections/default/search", files={"file": samples[0][1]}, data={"tags": [label]}).json
    assert cube["faces"][0]["matches"] == memory["faces"][0]["matches"]
    assert server.delete(f"/v1/collections/default/images/{added[1]['id']}").status == 204
    assert server.post("/v1/collections", json={"name": "party"}).status == 201
    assert server.add(samples[4][1], "party").status == 201
    assert server.delete("/v1/collections/party").status == 204
    assert server.get("/v1/status").json["erasing"] == 0
    assert server.stop() == 0
    ok(run(store, "doctor"))


def test_transactions_that_only_read(postgres, base, who, run, samples, tmp_path):
    store = role(postgres, base, who)
    ok(run(store, "add", photo_file(tmp_path, samples)))
    postgres.sql(base, f"ALTER ROLE {who} SET default_transaction_read_only = on")
    ok(run(store, "list"))
    refused(run(store, "add", photo_file(tmp_path, samples, 1)), "takes no writes", "default_transaction_read_only")


def test_another_encoding(postgres, base, run):
    name = base[-50:] + "_latin"
    postgres.sql("postgres", f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    postgres.databases.add(name)
    refused(run(postgres.url(name), "collections", "create", "x"), "LATIN1", "ENCODING 'UTF8'")


# ---- other servers ----


def test_a_standby_reads(run, samples, tmp_path):
    if missing():
        pytest.skip(missing())
    main = Postgres(wal_level="replica", max_wal_senders="3")
    copy = None
    try:
        photo = photo_file(tmp_path, samples)
        ok(run(main.url("faces"), "add", photo))
        copy = Postgres.__new__(Postgres)
        copy.__dict__.update(main.__dict__, folder=main.folder.with_name(main.folder.name + "-standby"), process=None)
        copy.data, copy.log = copy.folder / "data", copy.folder / "log"
        copy.folder.mkdir(mode=0o755)
        if account():
            os.chown(copy.folder, account().pw_uid, account().pw_gid)
        main._call("pg_basebackup", "-D", copy.data, "-h", main.folder, "-p", main.port, "-U", "liken", "-R", "-X", "stream", "-c", "fast")
        with open(copy.data / "postgresql.conf", "a") as file:
            file.write(f"unix_socket_directories = '{copy.folder}'\n")
        copy.start()
        store = copy.url("faces")
        assert len(ok(run(store, "list", "--json")).splitlines()) == 1
        assert json.loads(ok(run(store, "search", "--json", photo)))
        ok(run(store, "doctor"))
        refused(run(store, "add", photo_file(tmp_path, samples, 1)), "takes no writes", "standby")
    finally:
        for one in (copy, main):
            if one is not None and one.process is not None:
                one.remove()


def test_an_old_server(run):
    """One that says it is PostgreSQL 12 and nothing else."""
    listening = socket.create_server(("127.0.0.1", 0))

    def message(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body

    def serve():
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            with peer:
                while True:
                    size = struct.unpack("!i", peer.recv(4, socket.MSG_WAITALL))[0]
                    if peer.recv(size - 4, socket.MSG_WAITALL)[:4] == struct.pack("!i", 196608):
                        break
                    peer.sendall(b"N")  # neither TLS nor GSSAPI
                peer.sendall(message(b"R", struct.pack("!i", 0)) + message(b"S", b"server_version\0" b"12.19\0") +
                             message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I"))
                peer.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    refused(run(f"postgres://liken@127.0.0.1:{listening.getsockname()[1]}/faces", "list"), "PostgreSQL 12", "needs 13")
    listening.close()
