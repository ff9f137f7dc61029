"""GET /v1/collections/{c}/events: pages, and server-sent events as things happen."""
import http.client
import json

import pytest

from conftest import soon
from test_keys import make_key  # a fixture
from test_keys import run_keys

EVENTS = "/v1/collections/{}/events"


def told(page):
    return [(e["kind"], e.get("image"), e.get("face")) for e in page.json["events"]]


def follow(server, after, collection="default", limit=2):
    """Every page from there, and where it ended."""
    found, more = [], True
    while more:
        page = server.get(EVENTS.format(collection), params={"after": after, "limit": limit})
        assert page.status == 200, page.json
        found, after, more = found + told(page), page.json["next"], page.json["more"]
    return found, after


class Stream:
    """A reader of server-sent events, which fails when nothing comes for two minutes."""

    def __init__(self, server, collection="default", **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        key = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        self.connection.request("GET", EVENTS.format(collection) + ("?after=0" if "Last-Event-ID" not in headers else ""),
                                headers={"Accept": "text/event-stream", **key, **headers})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"

    def event(self):
        """{id, event, data}, or None at the end of the stream."""
        fields = {}
        while line := self.response.readline().decode():
            if line == "\n" and fields:
                return fields | {"data": json.loads(fields["data"])}
            name, _, value = line.rstrip("\n").partition(": ")
            if name and not line.startswith(":"):
                fields[name] = value
        return None

    def close(self):
        self.connection.close()


def test_pages(server, samples):
    start_at = server.get(EVENTS.format("default")).json
    assert (start_at["events"], start_at["more"]) == ([], False)
    added = [server.add(photo).json for _, photo in samples[:3]]
    ids = [image["id"] for image in added]
    face = added[0]["faces"][0]["id"]
    assert server.add(samples[1][1], tags="party").status == 200
    assert server.delete(f"/v1/collections/default/faces/{face}").status == 204
    assert server.delete(f"/v1/collections/default/images/{ids[2]}").status == 204
    happened, end = follow(server, start_at["next"])
    assert [e for e in happened if e[0] == "image_added"] == [("image_added", i, None) for i in ids[:2]]
    assert happened[-3:] == [("image_changed", ids[1], None), ("face_removed", ids[0], face), ("image_removed", ids[2], None)]
    assert follow(server, end) == ([], end)
    first = server.get(EVENTS.format("default"), params={"after": start_at["next"], "limit": 1}).json["events"]
    assert len(first) <= 1 and all(e["collection"] == "default" and e["at"].endswith("Z") for e in first)


def test_a_place_that_is_not_known(server):
    for after, status, code in ((10**12, 410, "gone"), (-1, 400, "bad_argument"), ("soon", 400, "bad_argument")):
        answer = server.get(EVENTS.format("default"), params={"after": after})
        assert (answer.status, answer.json["code"]) == (status, code)
    answer = server.get(EVENTS.format("default"), headers={"Last-Event-ID": "x"})
    assert (answer.status, answer.json["code"]) == (400, "bad_argument")
    answer = server.get(EVENTS.format("nowhere"))
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    answer = server.get(EVENTS.format("default"), headers={"Accept": "text/event-stream", "Last-Event-ID": str(10**12)})
    assert (answer.status, answer.json["code"]) == (410, "gone")


def test_a_stream_tells_what_happens(server, samples):
    stream = Stream(server)
    image = server.add(samples[0][1]).json["id"]
    added = stream.event()
    while added["data"].get("image") != image:  # the collection's own event may come first
        added = stream.event()
    assert (added["event"], added["data"]["number"]) == ("image_added", int(added["id"]))
    stream.close()
    server.delete(f"/v1/collections/default/images/{image}")
    again = Stream(server, **{"Last-Event-ID": added["id"]})
    removed = again.event()
    assert (removed["event"], removed["data"]["image"]) == ("image_removed", image)
    again.close()
    soon(lambda: b"liken_streams 0" in server.get("/metrics").body, "the streams did not end")


def test_a_stream_of_a_collection_that_goes(server):
    assert server.post("/v1/collections", json={"name": "party"}).status == 201
    stream = Stream(server, "party")
    assert server.delete("/v1/collections/party").status == 204
    seen = []
    while event := stream.event():
        seen.append((event["event"], event["data"].get("code")))
    assert seen[-1] == ("end", "not_found")


def test_only_what_the_key_may_see(start, make_key, samples):
    party = make_key("add", "guest", "--scope", "read", "--collection", "party", "--yes")["key"]
    boss = make_key("add", "boss", "--scope", "admin")["key"]
    server = start()
    server.key = boss
    assert server.post("/v1/collections", json={"name": "party"}).status == 201
    server.key = party
    assert server.get(EVENTS.format("default")).status == 403
    stream = Stream(server, "party")
    server.key = boss
    hidden, shown = server.add(samples[0][1]).json["id"], server.add(samples[1][1], collection="party").json["id"]
    kinds = {}
    while shown not in kinds:
        event = stream.event()["data"]
        assert event["collection"] == "party" and "actor" not in event
        kinds[event.get("image")] = event["kind"]
    assert kinds[shown] == "image_added" and hidden not in kinds
    by = [e.get("actor") for e in server.get(EVENTS.format("party"), params={"after": 0}).json["events"] if e.get("image") == shown]
    assert by == ["boss"]
    assert run_keys(server.data, "rm", "guest").returncode == 0
    server.add(samples[2][1], collection="party")
    assert stream.event() is None  # revoked: not told any more
    assert server.stop() == 0


def test_another_process_on_the_same_store(server, samples, start):
    """What another server of the store did is told too."""
    other, stream = start(), Stream(server)
    image = other.add(samples[0][1]).json["id"]
    while stream.event()["data"].get("image") != image:
        pass
    stream.close()
