import {afterEach, expect, test, vi} from "vitest";
import {collections, type Collection, problemOf, searchFace, useKey, whenLocked} from "../src/api";

const collection: Collection = {id: 1, name: "my photos", images: 1, faces: 1, keep: "thumbnail", threshold: 1};
const answers = (...list: Response[]) => {
  const send = vi.fn(async (_url: string, _init: RequestInit) => list.shift() ?? Response.json({}));
  vi.stubGlobal("fetch", send);
  return send;
};
afterEach(() => {
  vi.unstubAllGlobals();
  useKey(null, false);
});

test("a key that may have fewer matches is asked for those", async () => {
  const send = answers(Response.json({code: "over_cap", detail: "So much not.", limit: 5}, {status: 403}), Response.json({faces: []}), Response.json({faces: []}));
  await searchFace(collection, 3);
  await searchFace(collection, 3);
  expect(send.mock.calls.map(([, init]) => (JSON.parse(init.body as string) as {limit: number}).limit)).toEqual([200, 5, 5]);
  expect(send.mock.calls[0]?.[0]).toMatch(/\/v1\/collections\/my%20photos\/search$/);
});

test("the key goes into the header and nowhere else, and its refusal is told", async () => {
  const locked = vi.fn();
  whenLocked(locked);
  useKey("lk_0123456789", false);
  const send = answers(Response.json({code: "key_expired", detail: "It ended."}, {status: 401}));
  await expect(collections()).rejects.toMatchObject({status: 401, code: "key_expired"});
  expect(locked).toHaveBeenCalledOnce();
  expect((send.mock.calls[0]?.[1].headers as Record<string, string>).Authorization).toBe("Bearer lk_0123456789");
  expect(send.mock.calls[0]?.[0]).not.toContain("lk_");
});

test("a fault is a sentence, whatever a proxy between says", () => {
  expect(problemOf(502, "<html>Bad gateway</html>", null)).toMatchObject({status: 502, code: "unknown", message: "Something went wrong."});
  expect(problemOf(503, '{"code":"busy","detail":"Full."}', "7")).toMatchObject({message: "Full.", after: 7});
});
