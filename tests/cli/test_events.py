"""liken events: what happened, and on and on."""
import json
import signal


def kinds(events):
    return [(event["kind"], event.get("image")) for event in events]


def test_what_happened(liken, samples):
    liken("add", samples / "sample1.jpg", samples / "sample2.jpg")
    events = liken.json("events")
    assert kinds(events)[-2:] == [("image_added", 1), ("image_added", 2)]
    assert [e["number"] for e in events] == sorted(e["number"] for e in events)
    last = str(events[-1]["number"])
    assert "Nothing happened since." in liken("events", "--after", last, code=3)[1]
    liken("rm", "1", "--yes")
    out, _ = liken("events", "--after", last)
    assert len(out.splitlines()) == 1 and "image_removed" in out and "image 1" in out and "by cli:" in out
    assert "List anew" in liken("events", "--after", "1000000", code=1)[1]


def test_follow_until_ctrl_c(liken, samples):
    liken("add", samples / "sample1.jpg")
    last = str(liken.json("events")[-1]["number"])
    running = liken.start("events", "--after", last, "--follow", "--json")
    liken("add", samples / "sample2.jpg")
    assert kinds([json.loads(running.stdout.readline())]) == [("image_added", 2)]
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert running.stdout.read() == b""
