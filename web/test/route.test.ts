import {expect, test} from "vitest";
import {read, write} from "../src/route";

const at = (address: string) => read(new URL(address));

test("an address says which page, and what is chosen on it", () => {
  expect(at("http://x/")).toEqual({page: "search", collection: null, face: null, photo: null});
  expect(at("http://x/photos?in=holiday&photo=12")).toEqual({page: "photos", collection: "holiday", face: null, photo: 12});
  expect(at("https://x/below/liken/?face=3")).toMatchObject({page: "search", face: 3});
  expect(at("https://x/below/liken/photos")).toMatchObject({page: "photos"});
});

test("what is no id is none", () => {
  for (const text of ["0", "-1", "1e3", "abc", "", "99999999999999999999"]) expect(at(`http://x/?face=${text}`).face).toBeNull();
});

test("writing and reading give the same, relative to wherever the page lies", () => {
  for (const route of [{page: "search", collection: "a", face: 7, photo: null}, {page: "photos", collection: null, face: null, photo: 9}] as const)
    expect(at(new URL(write(route), "https://x/below/photos").href)).toEqual(route);
  expect(write({page: "photos", collection: "default"})).toBe("./photos");
});
