import {expect, test, vi} from "vitest";
import {Problem, type StoredImage} from "../src/api";
import {reasonsOf, totalsOf, Uploads} from "../src/photos/uploads";

const file = (name: string) => new File(["x"], name, {type: "image/jpeg"});
const stored = (over: Partial<StoredImage> = {}) => ({existed: false, faces: [], refused: [], ...over}) as unknown as StoredImage;

function fake(answers: (StoredImage | Problem)[]) {
  let now = 0, most = 0;
  const send = vi.fn((_c: string, _f: File, progress: (share: number) => void) => {
    most = Math.max(most, ++now);
    progress(0.5);
    const answer = answers.shift() ?? stored();
    return {abort: () => {}, promise: Promise.resolve().then(() => {
      now--;
      if (answer instanceof Problem) throw answer;
      return answer;
    })};
  });
  return {send, most: () => most};
}

test("each file is sent once, two at a time, and what is no photo not at all", async () => {
  const {send, most} = fake([]);
  const u = new Uploads("default", () => {}, send);
  u.add([...Array.from({length: 9}, (_, i) => file(`${i}.jpg`)), file(".hidden.jpg"), new File(["x"], "film.mp4", {type: "video/mp4"})]);
  await vi.waitFor(() => expect(u.busy).toBe(false));
  expect(send).toHaveBeenCalledTimes(9);
  expect(most()).toBe(2);
  expect(totalsOf(u.all)).toMatchObject({all: 9, done: 9, added: 9, share: 1});
});

test("a busy server is asked again, a refused photo is not", async () => {
  const {send} = fake([new Problem(503, "busy", "Full.", undefined, 1), new Problem(415, "not_an_image", "Not a photo.")]);
  const pauses: number[] = [];
  const u = new Uploads("default", () => {}, send, (s) => {
    pauses.push(s);
    return Promise.resolve();
  });
  u.add([file("a.jpg"), file("b.txt.jpg")]);
  await vi.waitFor(() => expect(u.busy).toBe(false));
  expect(pauses).toEqual([1]);
  expect(u.all.map((x) => x.is)).toEqual(["added", "failed"]);
  expect(totalsOf(u.all)).toMatchObject({added: 1, failed: 1, again: 0});
});

test("what failed by the way can be tried again", async () => {
  const {send} = fake([new Problem(0, "network", "Gone.")]);
  const u = new Uploads("default", () => {}, send);
  u.add([file("a.jpg")]);
  await vi.waitFor(() => expect(u.busy).toBe(false));
  expect(totalsOf(u.all)).toMatchObject({failed: 1, again: 1});
  u.retry();
  await vi.waitFor(() => expect(u.busy).toBe(false));
  expect(totalsOf(u.all)).toMatchObject({failed: 0, added: 1});
});

test("stopping ends what waits", () => {
  const u = new Uploads("default", () => {}, () => ({abort: () => {}, promise: new Promise(() => {})}));
  u.add(Array.from({length: 5}, (_, i) => file(`${i}.jpg`)));
  u.stop("stopped");
  expect(u.all.filter((x) => x.is === "failed")).toHaveLength(3);
});

test("reasons are counted", () => {
  const refused = ["too_small", "too_small", "blurred"].map((reason) => ({reason, advice: ""})) as never;
  expect(reasonsOf(refused, (r) => r)).toBe("2 too_small, 1 blurred");
  expect(reasonsOf([{reason: "blurred"}] as never, (r) => r)).toBe("blurred");
});
