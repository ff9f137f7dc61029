import {expect, test} from "vitest";
import type {Answer, Match} from "../src/api";
import {csv, frameOf, isFolded, list, ordered, rank, roughly, scaleOf, STEPS, stepOf, strangersAt, strangersLine, within, words} from "../src/words";

const match = (over: Partial<Match>): Match => ({
  face_id: 1, image: 1, image_id: null, file: "a.jpg", files: ["a.jpg"], box: {x: 0, y: 0, width: 10, height: 10}, width: 100, height: 100,
  captured_at: null, distance: 0.5, similarity: 0.9, weak: false, strangers: 0.001, ...over,
});
const answer = (over: Partial<Answer>): Answer => ({
  threshold: 1, expected_false_matches: 5, expected_at_default: 0.05, total: 3,
  matches: [match({face_id: 1, strangers: 0.001}), match({face_id: 2, strangers: 0.04, similarity: 0.6}), match({face_id: 3, strangers: 3, similarity: 0.2})],
  ...over,
});

test("the surest match comes first, also where a weak one is nearer", () => {
  const near = match({face_id: 1, distance: 0.3, strangers: 0.5, weak: true}), far = match({face_id: 2, distance: 0.6, strangers: 0.01});
  expect(ordered([near, far]).map((m) => m.face_id)).toEqual([2, 1]);
});

test("words, never a number, and less sure where strangers are as near", () => {
  expect(rank(match({}))).toBe("sure");
  expect(rank(match({similarity: 0.55}))).toBe("probably");
  expect(rank(match({similarity: 0.4}))).toBe("maybe");
  expect(rank(match({strangers: 0.3}))).toBe("probably");
  expect(rank(match({strangers: 30}))).toBe("maybe");
  expect(rank(match({strangers: null}))).toBe("maybe");
  expect(words(match({weak: true}))).toBe("Probably the same person, seen badly");
  expect(isFolded(match({weak: true}))).toBe(true);
  expect(words(match({}))).not.toMatch(/[0-9%]/);
});

test("the slider begins where the collection's threshold is and shows what is within that", () => {
  const a = answer({}), scale = scaleOf(a), step = stepOf(scale, scale.usual);
  expect(within(a, strangersAt(scale, step)).map((m) => m.face_id)).toEqual([1, 2]);
  expect(within(a, strangersAt(scale, STEPS)).map((m) => m.face_id)).toEqual([1, 2, 3]);
  expect(strangersAt(scale, STEPS)).toBe(5);
  expect(strangersAt(scale, 0)).toBeCloseTo(0.0005);
});

test("strangers and matches rise with the slider", () => {
  const a = answer({}), scale = scaleOf(a);
  for (let i = 1; i <= STEPS; i++) {
    expect(strangersAt(scale, i)).toBeGreaterThan(strangersAt(scale, i - 1));
    expect(within(a, strangersAt(scale, i)).length).toBeGreaterThanOrEqual(within(a, strangersAt(scale, i - 1)).length);
    expect(stepOf(scale, strangersAt(scale, i))).toBe(i);
  }
});

test("where the answer was cut the slider ends with its last match", () => {
  expect(scaleOf(answer({total: 1000})).high).toBe(3);
  expect(scaleOf(answer({total: null})).high).toBe(3);
  expect(scaleOf(answer({matches: [], total: 0})).high).toBe(5);
  const nothing = scaleOf(answer({matches: [], total: 0, expected_false_matches: null, expected_at_default: 0}));
  expect(Number.isFinite(stepOf(nothing, nothing.usual))).toBe(true);
});

test("what a setting means is said in a sentence", () => {
  expect(strangersLine(0.02, 3)).toBe("About 1 in 50 such searches would show a stranger.");
  expect(strangersLine(0.00019, 3)).toBe("About 1 in 5,000 such searches would show a stranger.");
  expect(strangersLine(0.9, 3)).toBe("Expect about 1 stranger here.");
  expect(strangersLine(2.6, 30)).toBe("Expect about 3 strangers among these.");
  expect(strangersLine(137, 150)).toBe("Expect about 140 strangers: most of these may be someone else.");
  expect(strangersLine(0, 0)).toBe("No stranger is to be expected at this setting.");
  expect(roughly(1234)).toBe("1,200");
});

test("CSV keeps commas, quotes and lines, and nothing that a spreadsheet computes", () => {
  const text = csv([match({file: 'a "b", c.jpg', strangers: 0.5}), match({file: "=1+1", image_id: "-x"})]);
  const rows = text.split("\r\n");
  expect(rows[0]).toBe("image,image_id,file,face,distance,similarity,strangers,weak,captured_at");
  expect(rows[1]).toContain('"a ""b"", c.jpg"');
  expect(rows[2]).toBe("1,'-x,'=1+1,1,0.5000,0.900,0.001,0,");
  expect(list([match({}), match({file: null, image: 7})])).toBe("a.jpg\nimage 7\n");
});

test("a tile is filled by its picture, and the face is in it, for every shape and place", () => {
  for (const shape of [{width: 4000, height: 3000}, {width: 300, height: 900}, {width: 2000, height: 400}, {width: 50, height: 50}])
    for (const [x, y] of [[0, 0], [0.4, 0.4], [0.9, 0.9], [0, 0.9]] as const)
      for (const size of [0.03, 0.1, 0.3]) {
        const side = size * Math.min(shape.width, shape.height);
        const box = {x: Math.min(x * shape.width, shape.width - side), y: Math.min(y * shape.height, shape.height - side), width: side, height: side};
        const {picture, face} = frameOf(shape, box);
        expect(picture.left).toBeLessThanOrEqual(1e-9);
        expect(picture.top).toBeLessThanOrEqual(1e-9);
        expect(picture.left + picture.width).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(picture.top + picture.height).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(picture.width / picture.height).toBeCloseTo(shape.width / shape.height);
        expect(face.left).toBeGreaterThanOrEqual(-1e-9);
        expect(face.left + face.width).toBeLessThanOrEqual(1 + 1e-9);
        expect((face.left - picture.left) / picture.width).toBeCloseTo(box.x / shape.width);
        expect((face.top - picture.top) / picture.height).toBeCloseTo(box.y / shape.height);
      }
});
