"""What was acknowledged is there: after SIGTERM under load, after kill -9, and when the queue is full."""
import concurrent.futures
import random
import signal
import subprocess
import threading

import pytest
import requests

from conftest import BIN, MODELS


def distinct(samples, count):
    """Photos with distinct bytes: a tail behind a JPEG's end changes its hash and nothing else."""
    return [samples[i % len(samples)][1] + b"\0%d" % i for i in range(count)]


def load(server, photos, acknowledged, refused, threads=4):
    """Adds the photos from several threads until the server is gone."""
    lock, rest = threading.Lock(), list(enumerate(photos))

    def work():
        session = requests.Session()
        while True:
            with lock:
                if not rest:
                    return
                i, photo = rest.pop()
            try:
                answer = session.post(server.url + "/v1/collections/default/images", files={"file": photo}, data={"image_id": str(i)},
                                      timeout=60)
            except requests.RequestException:
                with lock:
                    refused.append(i)
                if not server.running():
                    return
                continue
            with lock:
                if answer.status_code == 201:
                    image = answer.json()
                    del image["smallest_face"]  # of the call that looked
                    acknowledged[image["sha256"]] = image
                else:
                    refused.append(i)
                    assert answer.status_code == 503, answer.text

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    return workers


def stored(server):
    images, after = {}, 0
    while after is not None:
        page = server.get(f"/v1/collections/default/images?limit=1000&after={after}").json
        images |= {image["sha256"]: image for image in page["images"]}
        after = page["next"]
    return images


def check(server, acknowledged):
    images = stored(server)
    for sha256, image in acknowledged.items():
        assert sha256 in images, f"image {image['id']} was acknowledged and is gone"
        assert images[sha256] == image
    for image in images.values():  # nothing by half: every face of every image can be had, and is in the index
        for face in image["faces"]:
            assert server.get(f"/v1/collections/default/faces/{face['id']}").json["image"] == image["id"]
    status = server.get("/v1/status").json
    assert status["indexed"] == status["faces"] == sum(len(image["faces"]) for image in images.values())


def doctor(data):
    done = subprocess.run([BIN, "doctor", "--data", str(data), "--models", str(MODELS), "--json"], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("how, rounds", [(signal.SIGTERM, 3), (signal.SIGKILL, 5)])
def test_stopping_under_load(start, samples, how, rounds):
    photos = distinct(samples, 400)
    chance, acknowledged = random.Random(7), {}
    for number in range(rounds):
        server = start("--queue", "8")
        refused, mine = [], photos[number::rounds]
        workers = load(server, mine, fresh := {}, refused)
        enough = chance.randrange(1, 12)
        while len(fresh) < enough and any(worker.is_alive() for worker in workers):
            threading.Event().wait(0.01)
        code = server.stop(how)
        for worker in workers:
            worker.join()
        assert code == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        assert len(fresh) >= enough
        acknowledged |= fresh
        doctor(server.data)
    server = start()
    check(server, acknowledged)
    assert server.stop() == 0


def test_what_runs_is_finished(start, samples):
    """Requests that were sent whole before SIGTERM are answered, all of them."""
    server = start("--queue", "64")
    photos = distinct(samples, 12)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(server.add, photo) for photo in photos]
        while '"queue":0' in requests.get(server.url + "/v1/status", timeout=30).text and not all(f.done() for f in futures):
            pass  # until they wait in the queue, which is to say that they have arrived
        threading.Event().wait(0.5)
        assert server.stop() == 0
        statuses = [future.result().status for future in futures]
    assert statuses == [201] * 12
    again = start()
    assert again.get("/v1/status").json["images"] == 12
    assert again.stop() == 0


def test_a_full_queue(start, samples):
    server = start("--queue", "2", "--threads", "1")
    photos = distinct(samples, 24)

    def add(photo):
        return server.add(photo)

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(add, photos))
    busy = [answer for answer in answers if answer.status == 503]
    assert busy and all(answer.json["code"] == "busy" and int(answer.headers["retry-after"]) > 0 for answer in busy)
    done = [answer for answer in answers if answer.status == 201]
    assert len(done) + len(busy) == len(photos) and done
    assert server.get("/v1/status").json["images"] == len(done)
    assert server.stop() == 0


def test_a_second_server_on_the_same_port_says_so(start, tmp_path):
    server = start()
    done = subprocess.run([BIN, "serve", "--port", str(server.port), "--data", str(tmp_path / "other"), "--models", str(MODELS)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and str(server.port) in done.stderr
    assert server.stop() == 0


def test_interrupt_stops_as_well(start):
    assert start().stop(signal.SIGINT) == 0
