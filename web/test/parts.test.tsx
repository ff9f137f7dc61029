import {cleanup, fireEvent, render, screen} from "@testing-library/preact";
import {afterEach, expect, test, vi} from "vitest";
import type {Answer, Collection, Match, SearchResult} from "../src/api";
import {useKey} from "../src/api";
import {cameraFault} from "../src/search/camera";
import {Results} from "../src/search/results";
import {SignIn} from "../src/signin";
import {t} from "../src/strings";
import {FacePicture} from "../src/ui/faces";

afterEach(cleanup);

const collection: Collection = {id: 1, name: "default", images: 3, faces: 3, keep: "thumbnail", threshold: 1};
const match = (id: number, strangers: number, over: Partial<Match> = {}): Match => ({
  face_id: id, image: id, image_id: null, file: `dir/${id}.jpg`, files: [], box: {x: 10, y: 10, width: 20, height: 20}, width: 100, height: 80,
  captured_at: null, distance: 0.5, similarity: strangers < 0.05 ? 0.9 : 0.2, weak: false, strangers, ...over,
});
const answer: Answer = {threshold: 1, expected_false_matches: 4, expected_at_default: 0.05, total: 3, matches: [match(1, 0.001), match(2, 0.02, {weak: true}), match(3, 2)]};
const result: SearchResult = {collection: "default", mode: "exact", recall: 1, searched: 3, faces: [answer]};
const results = () => render(<Results result={result} answer={answer} collection={collection} route={{page: "search", collection: null, face: null, photo: null}} />);

test("sure matches stand open, those seen badly are folded, and the slider redraws at once", () => {
  results();
  expect(screen.getByRole("heading", {name: "2 photos"})).toBeTruthy();
  expect(screen.getByRole("button", {name: /^Very likely the same person 1\.jpg/})).toBeTruthy();
  expect(screen.getByRole("button", {name: /seen badly 2\.jpg/}).closest("details")?.open).toBe(false);
  const before = document.querySelector(".strangers")?.textContent;
  fireEvent.input(screen.getByRole("slider"), {target: {value: "100"}});
  expect(screen.getByRole("heading", {name: "3 photos"})).toBeTruthy();
  expect(document.querySelector(".strangers")?.textContent).toBe("Expect about 4 strangers: most of these may be someone else.");
  expect(document.querySelector(".strangers")?.textContent).not.toBe(before);
  fireEvent.input(screen.getByRole("slider"), {target: {value: "0"}});
  expect(screen.queryByRole("button", {name: /3\.jpg/})).toBeNull();
});

test("more is one step away", () => {
  results();
  fireEvent.click(screen.getByRole("button", {name: t.search.wider}));
  expect(screen.getByRole("button", {name: /^Could be the same person 3\.jpg/})).toBeTruthy();
});

test("a name that holds markup is text", () => {
  const evil = {...answer, matches: [match(1, 0.001, {file: "<img src=x onerror=alert(1)>"})]};
  render(<Results result={result} answer={evil} collection={collection} route={{page: "search", collection: null, face: null, photo: null}} />);
  expect(document.querySelector("[onerror]")).toBeNull();
});

test("faces are buttons in shares of the picture, refused ones say why", () => {
  const choose = vi.fn();
  render(<FacePicture src="x" alt="photo" shape={{width: 200, height: 100}} spots={[
    {box: {x: 50, y: 25, width: 20, height: 10}, label: "Face 1", kind: "face", chosen: true, onChoose: choose},
    {box: {x: 0, y: 0, width: 5, height: 5}, label: "too small", kind: "refused"}]} />);
  const spot = screen.getByRole("button", {name: "Face 1"});
  expect(spot.getAttribute("aria-pressed")).toBe("true");
  expect([spot.style.left, spot.style.top, spot.style.width]).toEqual(["25.000%", "25.000%", "10.000%"]);
  fireEvent.click(spot);
  expect(choose).toHaveBeenCalledOnce();
  expect(screen.getByTitle("too small")).toBeTruthy();
});

test("a key is looked at before it is sent, and stays in the tab", () => {
  const onKey = vi.fn();
  render(<SignIn refused={false} onKey={onKey} />);
  const field = screen.getByLabelText(t.signIn.label);
  fireEvent.input(field, {target: {value: "nonsense"}});
  fireEvent.click(screen.getByRole("button", {name: t.signIn.go}));
  expect(screen.getByRole("alert").textContent).toContain(t.signIn.malformed);
  expect(onKey).not.toHaveBeenCalled();
  fireEvent.input(field, {target: {value: " lk_0123456789abcdef "}});
  fireEvent.click(screen.getByRole("button", {name: t.signIn.go}));
  expect(onKey).toHaveBeenCalledWith("lk_0123456789abcdef", true);
  useKey("lk_0123456789abcdef", false);
  expect(sessionStorage.length + localStorage.length).toBe(0);
});

test("what keeps a browser from its camera is told with the remedy", () => {
  expect(cameraFault(new DOMException("", "NotAllowedError"))).toBe(t.camera.denied);
  expect(cameraFault(new DOMException("", "NotFoundError"))).toBe(t.camera.missing);
  expect(cameraFault(new DOMException("", "NotReadableError"))).toBe(t.camera.busy);
  expect(cameraFault(new Error("?"))).toBe(t.camera.unknown);
});
