import {expect, test} from "vitest";
import {layoutOf, seen} from "../src/photos/window";

test("of 100,000 photos only those around the sight are drawn", () => {
  const layout = layoutOf(1280, 100_000, 148, 6);
  expect(layout.columns).toBe(8);
  expect(layout.rows).toBe(12_500);
  const part = seen(layout, layout.height / 2, 900, 100_000);
  expect(part.to - part.from).toBeLessThanOrEqual(8 * 12);
});

test("every photo is drawn by some place of the sight, at every width", () => {
  for (const width of [320, 390, 777, 1280, 2500])
    for (const count of [0, 1, 7, 100, 333]) {
      const layout = layoutOf(width, count, 148, 6), drawn = new Set<number>();
      for (let top = 0; top <= layout.height; top += 200) {
        const {from, to} = seen(layout, top, 800, count);
        for (let i = from; i < to; i++) drawn.add(i);
      }
      expect(drawn.size).toBe(count);
    }
});
