/* What the numbers of an answer mean, in words, and where the slider stands. Pure functions.
 *
 * A match carries how many strangers are to be expected as near as itself (`strangers`), so an answer that was asked for
 * widely can be narrowed here: at a setting of s strangers it holds the matches with at most s. The slider goes along the
 * logarithm of that number. */
import type {Answer, Match} from "./api";
import {t} from "./strings";

export type Rank = "sure" | "probably" | "maybe";

/** Matches by how alike they are, the surest first. */
export const ordered = (matches: Match[]) =>
  [...matches].sort((a, b) => strangersOf(a) - strangersOf(b) || b.similarity - a.similarity || a.face_id - b.face_id);

export const strangersOf = (m: Match) => m.strangers ?? Number.POSITIVE_INFINITY;

/** How sure one may be: by likeness, and less where many strangers are as near. */
export function rank(m: Match): Rank {
  if (m.similarity < 0.5 || strangersOf(m) > 1) return "maybe";
  return m.similarity >= 0.65 && strangersOf(m) <= 0.05 && !m.weak ? "sure" : "probably";
}

export function words(m: Match): string {
  return m.weak ? `${t.search.rank[rank(m)]}, ${t.search.badly}` : t.search.rank[rank(m)];
}

/** Whether it stands among the sure ones, or folded away below them. */
export const isFolded = (m: Match) => rank(m) === "maybe" || m.weak;

// ---- the slider

export const STEPS = 100;
export interface Scale {low: number; high: number; usual: number}

/** What the slider of an answer goes over: from the surest to all that is known. */
export function scaleOf(answer: Answer): Scale {
  const usual = Math.max(answer.expected_at_default ?? 0, 1e-9);
  const last = answer.matches.reduce((most, m) => Math.max(most, m.strangers ?? 0), 0);
  const all = answer.total !== null && answer.total <= answer.matches.length;
  const high = Math.max(all || answer.matches.length === 0 ? (answer.expected_false_matches ?? usual) : last, usual * 1.01);
  return {low: usual / 100, high, usual};
}

export function strangersAt(scale: Scale, step: number): number {
  if (step >= STEPS) return scale.high;
  return scale.low * (scale.high / scale.low) ** (step / STEPS);
}

export function stepOf(scale: Scale, strangers: number): number {
  const share = Math.log(Math.max(strangers, scale.low) / scale.low) / Math.log(scale.high / scale.low);
  return Math.max(0, Math.min(STEPS, Math.ceil(share * STEPS - 1e-9)));
}

/** The matches at a setting, the surest first. The lowest setting shows those that nothing is known to be nearer than. */
export function within(answer: Answer, strangers: number): Match[] {
  return ordered(answer.matches.filter((m) => strangersOf(m) <= strangers * (1 + 1e-9)));
}

// ---- strangers, in words

/** One or two digits: 0.0137 is "0.014", 137 is "140", 2.6 is "3". */
export function roughly(value: number): string {
  if (value >= 1 && value < 10) return String(Math.round(value));
  const rounded = Number(value.toPrecision(2));
  return rounded >= 1 ? rounded.toLocaleString("en", {maximumFractionDigits: 0}) : String(rounded);
}

function oneDigit(value: number): string {
  return Number(value.toPrecision(1)).toLocaleString("en", {maximumFractionDigits: 0});
}

/** What to expect of `shown` matches at a setting of so many strangers. */
export function strangersLine(strangers: number, shown: number): string {
  const s = t.search.strangers;
  if (!(strangers > 1e-7)) return s.none;
  if (strangers < 0.67) return s.rare(oneDigit(1 / strangers));
  if (strangers < 1.5) return s.one;
  return shown > 0 && strangers * 2 > shown ? s.most(roughly(strangers)) : s.some(roughly(strangers));
}

// ---- taking away

export const nameOf = (m: {file: string | null; image?: number; id?: number}) => m.file?.split("/").pop() || `#${m.image ?? m.id}`;

/** As RFC 4180 has it; a text that a spreadsheet would compute begins with an apostrophe. */
function field(value: string | number | null): string {
  const text = value === null ? "" : typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function csv(matches: Match[]): string {
  const rows = matches.map((m) =>
    [m.image, m.image_id, m.file, m.face_id, m.distance.toFixed(4), m.similarity.toFixed(3), m.strangers, m.weak ? 1 : 0, m.captured_at]);
  return [["image", "image_id", "file", "face", "distance", "similarity", "strangers", "weak", "captured_at"], ...rows]
    .map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

export const list = (matches: Match[]) => matches.map((m) => m.file ?? `image ${m.image}`).join("\n") + "\n";

// ---- pictures

export interface Frame {width: number; height: number; left: number; top: number}
export interface Shape {width: number; height: number}

/** Where a picture lies in a square, of side 1, that it fills, so that the face is in it and large enough to be seen; and
 * where its face lies then. */
export function frameOf(shape: Shape, box: {x: number; y: number; width: number; height: number}): {picture: Frame; face: Frame} {
  const cover = 1 / Math.min(shape.width, shape.height);
  const scale = Math.min(Math.max(0.34 / Math.max(box.height, 1), cover), cover * 2.4);
  const place = (size: number, middle: number) => Math.min(0, Math.max(1 - size * scale, 0.5 - middle * scale));
  const left = place(shape.width, box.x + box.width / 2), top = place(shape.height, box.y + box.height / 2);
  return {
    picture: {width: shape.width * scale, height: shape.height * scale, left, top},
    face: {width: box.width * scale, height: box.height * scale, left: box.x * scale + left, top: box.y * scale + top},
  };
}

const percent = (value: number) => `${(value * 100).toFixed(3)}%`;
export const style = (f: Frame) => ({width: percent(f.width), height: percent(f.height), left: percent(f.left), top: percent(f.top)});

/** A box of a picture in shares of it, which stay right at every size. */
export const boxStyle = (shape: Shape, b: {x: number; y: number; width: number; height: number}) =>
  style({width: b.width / shape.width, height: b.height / shape.height, left: b.x / shape.width, top: b.y / shape.height});
