"""Photos are decoded in processes of their own: what a hostile file does to one costs that request only."""
import os
import pathlib
import select
import signal
import subprocess

import pytest

from conftest import BIN, MODELS, soon

FAKE = pathlib.Path(BIN).parent / "tests" / "unit" / "image" / "fake_decode"  # misbehaves when a photo ends with an order


def helpers(server):
    """The decoding processes of a server."""
    found = []
    for tasks in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        found += [int(pid) for pid in tasks.read_text().split()]
    return found


def of(status):
    return {name: status.json[name] for name in ("sandbox", "decoders", "decoders_lost")}


@pytest.mark.skipif(not FAKE.exists(), reason="the unit tests were not built")
def test_a_hostile_photo_costs_its_own_request(start, samples):
    server = start("--threads", "1", env={"LIKEN_DECODE": str(FAKE)})
    photo = samples[0][1]
    assert of(server.get("/v1/status")) == {"sandbox": "on", "decoders": 1, "decoders_lost": 0}
    for number, order in enumerate([b"open-crash", b"pixels-glib", b"pixels-long"], 1):
        answer = server.add(photo + b"LIKEN-TEST:" + order)
        assert (answer.status, answer.json["code"]) == (422, "damaged"), order
        assert answer.json["detail"].startswith("The decoder gave up on this JPEG:"), order
        assert server.add(photo + order).status == 201  # other bytes each time, so each is decoded
        assert of(server.get("/v1/status"))["decoders_lost"] == number
    soon(lambda: "liken_decoders_lost_total 3" in server.get("/metrics").body.decode())  # looked up once a second
    assert server.stop() == 0


def test_a_photo_survives_the_death_of_its_process(server, samples):
    """Whoever kills helpers all the time gets no photo refused that can be decoded between two kills."""
    before = server.add(samples[0][1]).json
    for pid in helpers(server):
        os.kill(pid, signal.SIGKILL)
    answer = server.add(samples[1][1])
    assert answer.status == 201
    assert before["faces"] and answer.json["faces"]
    assert of(server.get("/v1/status"))["decoders_lost"] == 1


def sleeps(pid):
    """In a poll of no descriptors, as the fake helper sleeps; where the kernel does not let us look, it may."""
    try:
        return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[1:3] == ["0x0", "0x0"]
    except PermissionError:
        return True


@pytest.mark.skipif(not FAKE.exists(), reason="the unit tests were not built")
def test_processes_end_with_the_server_however_it_ends_and_whatever_they_do(start, samples):
    server = start("--threads", "1", env={"LIKEN_DECODE": str(FAKE)})
    body = (f"POST /v1/collections/default/images HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(samples[0][1]) + 23}\r\n\r\n").encode() + samples[0][1] + b"LIKEN-TEST:pixels-sleep"
    with server.connect() as client:
        client.sendall(body)
        pid, = helpers(server)
        soon(lambda: sleeps(pid), "the helper does not sleep")
        descriptor = os.pidfd_open(pid)
        server.stop(signal.SIGKILL)
        assert select.select([descriptor], [], [], 30)[0], "it outlived the server"  # alone it would sleep for ever
        os.close(descriptor)


def run(tmp_path, *args, **env):
    return subprocess.run([BIN, *args, "--data", str(tmp_path), "--models", str(MODELS)], env={**os.environ, **env},
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def test_a_missing_program_is_a_sentence(samples, tmp_path):
    photo = MODELS / "faceapi" / "samples" / samples[0][0]
    missing = "/nowhere/liken-decode"
    for command in (["detect", photo], ["serve", "--port", "0"]):
        done = run(tmp_path, *command, LIKEN_DECODE=missing)
        assert done.returncode != 0
        assert missing in done.stderr
    doctor = run(tmp_path, "doctor", LIKEN_DECODE=missing)
    assert doctor.returncode != 0
    assert f"bad   sandbox: LIKEN_DECODE names {missing}" in doctor.stdout
    assert run(tmp_path, "detect", photo, "--sandbox", "off", LIKEN_DECODE=missing).returncode == 0
    assert "note  sandbox: off" in run(tmp_path, "doctor", "--sandbox", "off").stdout
