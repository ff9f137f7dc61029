"""Pictures: what is kept of photos is shown upright and bare, by key or by a link for minutes, and goes with them."""
import struct

import pytest

from test_keys import make_key  # noqa: F401 - a fixture

PLACE = "GPS of my garden"


def size(body):
    """Of a JPEG, or of a WebP in its simplest form."""
    if body[:4] == b"RIFF":
        assert body[8:16] == b"WEBPVP8 "
        width, height = struct.unpack("<HH", body[26:30])
        return width & 0x3FFF, height & 0x3FFF
    at = 2
    while body[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", body[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", body[at + 5:at + 9])
    return width, height


def turned(photo):
    """The photo as a camera held sideways writes it (EXIF orientation 6), with a place in it."""
    entries = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 1, 6) + b"\0\0\0\0"
    segment = b"Exif\0\0" + entries + PLACE.encode()
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + photo[2:]


def bare(body):
    return not [word for word in (b"Exif", b"EXIF", b"ICC_PROFILE", b"ICCP", b"ns.adobe.com", PLACE.encode()) if word in body]


def picture(server, image, query="", collection="default", **headers):
    return server.get(f"/v1/collections/{collection}/images/{image['id']}/picture{query}", headers=headers)


def test_a_photo_is_kept_as_a_thumbnail(server, samples):
    image = server.add(turned(samples[0][1])).json
    assert [p["kind"] for p in image["pictures"]] == ["thumbnail"]
    kept = image["pictures"][0]
    assert kept["bytes"] <= 20000 and max(kept["width"], kept["height"]) == min(400, max(image["width"], image["height"]))
    assert server.get(f"/v1/collections/default/images/{image['id']}").json["pictures"] == image["pictures"]
    shown = picture(server, image)
    assert (shown.status, shown.headers["content-type"], len(shown.body)) == (200, "image/jpeg", kept["bytes"])
    assert size(shown.body) == (kept["width"], kept["height"]) and bare(shown.body)
    assert (kept["width"] > kept["height"]) == (image["width"] > image["height"])  # upright, as its faces are told
    assert "private" in shown.headers["cache-control"] and "accept" in shown.headers["vary"].lower()
    again = picture(server, image, **{"If-None-Match": shown.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    small = picture(server, image, "?size=100")
    assert max(size(small.body)) == 100 and bare(small.body)
    webp = picture(server, image, "?size=100", Accept="image/webp")
    assert webp.headers["content-type"] == "image/webp" and max(size(webp.body)) == 100 and bare(webp.body)
    browser = picture(server, image, Accept="image/avif,image/webp,image/*,*/*;q=0.8")
    assert browser.body == shown.body
    assert max(size(picture(server, image, "?size=4096").body)) == max(kept["width"], kept["height"])  # never enlarged
    assert [picture(server, image, f"?size={s}").status for s in (0, 4097, "x")] == [400, 400, 400]
    assert server.delete(f"/v1/collections/default/images/{image['id']}").status == 204
    assert picture(server, image).status == 404


def test_faces_are_cut_from_the_best_there_is(server, samples):
    photo = samples[0][1]
    server.post("/v1/collections", json={"name": "whole", "keep": "original"})
    image = server.add(turned(photo), collection="whole").json
    assert [p["kind"] for p in image["pictures"]] == ["thumbnail", "original"]
    face = image["faces"][0]
    box = face["box"]
    crop = server.get(f"/v1/collections/whole/faces/{face['id']}/crop?size=4096")
    assert crop.status == 200 and bare(crop.body)
    side = min(1.6 * max(box["width"], box["height"]), image["width"], image["height"])
    assert abs(max(size(crop.body)) - side) <= 3  # the pixels of the photo itself
    found = server.post("/v1/detect", files={"file": crop.body}).json
    assert found["faces"] + found["refused"]
    assert max(size(server.get(f"/v1/collections/whole/faces/{face['id']}/crop?size=32").body)) == 32
    whole = picture(server, image, "?size=4096", collection="whole")
    assert size(whole.body) == (image["width"], image["height"]) and bare(whole.body)  # not the file as it came
    assert server.get(f"/v1/collections/default/faces/{face['id']}/crop").status == 404
    assert server.get(f"/v1/collections/whole/images/{image['id'] + 99}/picture").status == 404


def test_a_collection_keeps_what_it_is_told_to(server, samples):
    server.post("/v1/collections", json={"name": "nothing", "keep": "nothing"})
    assert server.get("/v1/collections/nothing").json["keep"] == "nothing"
    assert server.get("/v1/collections/default").json["keep"] == "thumbnail"
    image = server.add(samples[0][1], collection="nothing").json
    assert image["pictures"] == []
    missing = picture(server, image, collection="nothing")
    assert missing.status == 404 and "add the same photo again" in missing.json["detail"]

    def change(keep):
        return server.call("PATCH", "/v1/collections/nothing", json={"keep": keep})

    assert change("preview").json["keep"] == "preview"
    again = server.add(samples[0][1], collection="nothing").json
    assert [p["kind"] for p in again["pictures"]] == ["thumbnail", "preview"] and again["existed"]
    assert again["faces"] == image["faces"]
    assert max(size(picture(server, image, "?size=1280", collection="nothing").body)) == min(1280, max(image["width"], image["height"]))
    assert change("thumbnail").status == 200
    assert [p["kind"] for p in server.get(f"/v1/collections/nothing/images/{image['id']}").json["pictures"]] == ["thumbnail"]
    assert change("nothing").status == 200
    assert picture(server, image, collection="nothing").status == 404
    assert change("everything").status == 400


def test_a_file_is_shown_where_the_operator_allows_it(start, samples, tmp_path):
    photo, other = turned(samples[0][1]), samples[1][1]
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    (allowed / "2024").mkdir(parents=True)
    outside.mkdir()
    real = allowed / "2024" / "a.jpg"
    for path in (real, outside / "a.jpg", outside / "b.jpg", outside / "c.jpg"):
        path.write_bytes(photo)
    (allowed / "way").symlink_to(outside)
    (allowed / "link.jpg").symlink_to(outside / "b.jpg")
    server = start("--photo-folders", f"{tmp_path / 'none'}:{allowed}/")
    image = server.add(photo, url=str(real)).json
    full = max(image["width"], image["height"])
    assert full > 400

    def longest():
        shown = picture(server, image, "?size=4096")
        assert shown.status == 200 and bare(shown.body)
        return max(size(shown.body))

    def crop():
        return server.get(f"/v1/collections/default/faces/{image['faces'][0]['id']}/crop?size=4096")

    assert longest() == full  # of the file; a thumbnail is kept
    box = image["faces"][0]["box"]
    assert abs(max(size(crop().body)) - min(1.6 * max(box["width"], box["height"]), image["width"], image["height"])) <= 3
    assert max(size(picture(server, image).body)) == 400
    real.write_bytes(other)
    assert longest() == 400  # other bytes lie there now
    real.unlink()
    assert longest() == 400
    for label in ("outside/a.jpg", str(outside / "a.jpg"), str(allowed / ".." / "outside" / "a.jpg"), str(allowed / "way" / "c.jpg"),
                  str(allowed / "link.jpg"), str(allowed), "http://127.0.0.1/a.jpg", "../outside/a.jpg", "/"):
        assert server.add(photo, url=label).status == 200
        assert longest() == 400, label
    (allowed / "later.jpg").write_bytes(photo)
    assert server.add(photo, url="later.jpg").status == 200  # as somebody named it who was in that folder
    assert longest() == full
    assert server.call("PATCH", "/v1/collections/default", json={"keep": "nothing"}).status == 200
    assert longest() == full  # nothing is kept, and the file is there
    (allowed / "later.jpg").unlink()
    assert picture(server, image).status == 404 and crop().status == 404
    assert server.stop() == 0


def test_no_file_is_shown_where_nothing_was_said(start, samples, tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(samples[0][1])
    server = start()
    image = server.add(photo.read_bytes(), url=str(photo)).json
    assert max(size(picture(server, image, "?size=4096").body)) == 400
    assert server.stop() == 0
    with pytest.raises(RuntimeError, match="no whole path"):
        start("--photo-folders", "photos", data="other")


def test_links_open_one_picture_for_minutes(server, samples, make_key):
    image = server.add(samples[0][1]).json
    other = server.add(samples[1][1]).json
    face = image["faces"][0]["id"]
    server.key = make_key("add", "reader", "--scope", "read")["key"]
    made = server.post("/v1/collections/default/links", json={"images": [image["id"]], "faces": [float(face)], "size": 100})
    assert made.status == 200
    link, cut = made.json["images"][0], made.json["faces"][0]
    assert (link["id"], cut["id"]) == (image["id"], face)
    server.key = None
    assert picture(server, image).status == 401
    opened = server.get(link["url"])
    assert opened.status == 200 and max(size(opened.body)) == 100
    assert server.get(cut["url"]).status == 200
    place, signature = link["url"].split("&signature=")
    altered = [link["url"].replace("size=100", "size=101"), link["url"].replace(f"/{image['id']}?", f"/{other['id']}?"),
               link["url"].replace("expires=", "expires=1"), link["url"].replace("/images/", "/faces/"), place,
               place + "&signature=" + signature[:-1], place + "&signature=" + "0" * 64, place.split("?")[0],
               place + "&signature=" + signature.upper()]
    for url in altered:
        refused = server.get(url)
        assert (refused.status, refused.json["code"]) == (403, "bad_link"), url
    old = server.get(f"/v1/linked/default/images/{image['id']}?size=100&expires=1&signature={'a' * 64}")
    assert (old.status, old.json["code"]) == (403, "link_expired")
    assert "cross-origin-resource-policy" not in opened.headers  # it is for pages, wherever they are
    server.key = make_key("add", "boss", "--scope", "read,delete")["key"]
    assert picture(server, image).headers["cross-origin-resource-policy"] == "same-origin"
    assert server.delete(f"/v1/collections/default/images/{image['id']}").status == 204
    server.key = None
    assert server.get(link["url"]).status == 404
    server.key = make_key("add", "bound", "--scope", "read", "--collection", "default")["key"]
    assert server.post("/v1/collections/elsewhere/links", json={"images": [1]}).status == 403
    for wrong in ("1", None, 0, -1, 1.5, 1e300, 10**19, [1]):
        assert server.post("/v1/collections/default/links", json={"images": [wrong]}).status == 400, wrong
    assert [server.post("/v1/collections/default/links", json=body).status for body in ({}, {"size": 100}, {"faces": 1})] == [400, 400, 400]
    assert server.post("/v1/collections/default/links", json={"images": [1] * 1001}).status == 413


def test_any_photo_is_shown_and_stored_nowhere(server, samples):
    shown = server.post("/v1/preview?size=300", data=turned(samples[0][1]), headers={"Content-Type": "image/jpeg"})
    assert shown.status == 200 and max(size(shown.body)) == 300 and bare(shown.body)
    pixels = b"P6 40 20 255\n" + bytes(range(200)) * 12
    drawn = server.post("/v1/preview", files={"file": pixels})
    assert (drawn.status, size(drawn.body)) == (200, (40, 20))
    refused = server.post("/v1/preview", files={"file": b"no photo"})
    assert refused.status == 415
    assert server.get("/v1/status").json["images"] == 0
