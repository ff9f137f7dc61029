/* The server: calls below /v1, relative to where the page lies, and their faults as sentences.
 *
 * The key is held here and nowhere else: in memory and, where that is wanted, in the tab's session storage, which ends with
 * the tab. No page, address or picture holds it. */
import {t} from "./strings";

export interface Box {x: number; y: number; width: number; height: number}
export interface Face {id?: number; box: Box; confidence: number; weak?: boolean}
export interface RefusedFace extends Face {reason: string; advice: string}
export interface Match {
  face_id: number; image: number; image_id: string | null; file: string | null; files: string[]; box: Box; width: number; height: number;
  captured_at: string | null; distance: number; similarity: number; weak: boolean; strangers: number | null;
}
export interface Answer {
  face?: Face; threshold: number | null; expected_false_matches: number | null; expected_at_default: number | null;
  total: number | null; matches: Match[];
}
export interface SearchResult {
  collection: string; mode: "exact" | "approximate"; recall: number; searched: number; width?: number; height?: number; note?: string;
  missing?: string[]; refused?: RefusedFace[]; faces: Answer[];
}
export interface StoredFace extends Face {id: number}
export interface StoredImage {
  id: number; width: number; height: number; file: string | null; files: string[]; image_ids: string[]; tags: string[];
  captured_at: string | null; added_at: string | null; existed: boolean; faces: StoredFace[]; refused: RefusedFace[]; note?: string;
  pictures: {kind: string; width: number; height: number}[];
}
export interface Collection {id: number; name: string; images: number; faces: number; keep: string; threshold: number}
export interface Links {expires_at: string | null; images: {id: number; url: string}[]; faces: {id: number; url: string}[]}

/** What went wrong, as the server said it. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, readonly limit?: number, readonly after = 0) {
    super(detail);
  }
}

const STORED = "liken.key";
let key: string | null = null;
let onLocked: () => void = () => {};

/** Calls `fn` whenever the server says that a key is needed. */
export function whenLocked(fn: () => void) {
  onLocked = fn;
}
export const hasKey = () => key !== null;
export function restoreKey() {
  try {
    key = sessionStorage.getItem(STORED);
  } catch {
    key = null; // a browser that forbids storage: memory alone then
  }
}
export function useKey(value: string | null, keep: boolean) {
  key = value;
  most = 200;
  try {
    if (value !== null && keep) sessionStorage.setItem(STORED, value);
    else sessionStorage.removeItem(STORED);
  } catch {
    // as above
  }
}

/** An address of the server, wherever below its host it lies. */
export const address = (path: string) => new URL(path.replace(/^\//, ""), document.baseURI).href;

export const headers = (): Record<string, string> => (key === null ? {} : {Authorization: `Bearer ${key}`});

export function problemOf(status: number, body: string, after: string | null): Problem {
  let said: {code?: string; detail?: string; limit?: number} = {};
  try {
    said = JSON.parse(body) as typeof said;
  } catch {
    // a proxy's page, or nothing
  }
  const detail = said.code === "not_an_image" ? t.problem.notImage : said.detail; // the server's own speaks to programmers
  return new Problem(status, said.code ?? "unknown", detail ?? t.problem.unknown, said.limit, Number(after ?? 0));
}

async function send(method: string, path: string, body?: BodyInit | object, signal?: AbortSignal): Promise<Response> {
  const json = body !== undefined && !(body instanceof FormData) && !(body instanceof Blob) && typeof body === "object";
  const request: RequestInit = {method, headers: {...headers(), ...(json ? {"Content-Type": "application/json"} : {})}, cache: "no-cache"};
  if (body !== undefined) request.body = json ? JSON.stringify(body) : (body as BodyInit);
  if (signal) request.signal = signal;
  let response: Response;
  try {
    response = await fetch(address(path), request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "network", t.problem.network);
  }
  if (response.ok) return response;
  if (response.status === 401) onLocked();
  throw problemOf(response.status, await response.text(), response.headers.get("Retry-After"));
}

async function ask<T>(method: string, path: string, body?: BodyInit | object, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const of = (collection: string) => `v1/collections/${encodeURIComponent(collection)}`;

export const collections = () => ask<{collections: Collection[]}>("GET", "v1/collections").then((r) => r.collections);

/* How wide a search is asked for, so that the slider need not ask again: so many strangers, and so many photos a face. A
 * key that may have fewer says how many, and is asked for those from then on. */
let most = 200;
const widest = (faces: number) => Math.max(2, faces * 0.002);

async function search(collection: Collection, query: (limit: number) => FormData | object, signal?: AbortSignal): Promise<SearchResult> {
  const at = `${of(collection.name)}/search`;
  try {
    return await ask<SearchResult>("POST", at, query(most), signal);
  } catch (e) {
    if (!(e instanceof Problem) || e.code !== "over_cap" || !e.limit || e.limit >= most) throw e;
    most = e.limit;
    return ask<SearchResult>("POST", at, query(most), signal);
  }
}

export function searchPhoto(collection: Collection, photo: Blob, signal?: AbortSignal) {
  return search(collection, (limit) => {
    const form = new FormData();
    form.append("file", photo, "photo");
    form.append("limit", String(limit));
    form.append("distinct", "image");
    form.append("max_false_matches", String(widest(collection.faces)));
    return form;
  }, signal);
}

export const searchFace = (collection: Collection, face: number, signal?: AbortSignal) =>
  search(collection, (limit) => ({face_id: face, limit, distinct: "image", max_false_matches: widest(collection.faces)}), signal);

export const images = (collection: string, after: number, limit: number, signal?: AbortSignal) =>
  ask<{images: StoredImage[]; next: number | null}>("GET", `${of(collection)}/images?after=${after}&limit=${limit}`, undefined, signal);

export const image = (collection: string, id: number, signal?: AbortSignal) =>
  ask<StoredImage>("GET", `${of(collection)}/images/${id}`, undefined, signal);

export const imageOfFace = (collection: string, face: number, signal?: AbortSignal) =>
  ask<{image: number}>("GET", `${of(collection)}/faces/${face}`, undefined, signal).then((f) => image(collection, f.image, signal));

export const removeImage = (collection: string, id: number) => ask<void>("DELETE", `${of(collection)}/images/${id}`);

export const links = (collection: string, what: {images?: number[]; faces?: number[]}, size: number) =>
  ask<Links>("POST", `${of(collection)}/links`, {...what, size, minutes: 60});

/** A photo that the browser cannot draw (HEIC, TIFF, raw), as one that it can. */
export async function preview(photo: Blob, signal?: AbortSignal): Promise<Blob> {
  return (await send("POST", "v1/preview?size=1600", new Blob([photo], {type: "application/octet-stream"}), signal)).blob();
}

export interface Uploading {promise: Promise<StoredImage>; abort: () => void}

/** Adds a photo; `progress` is called with the share of it that is sent. fetch() cannot tell that yet. */
export function addImage(collection: string, file: File, progress: (share: number) => void): Uploading {
  const request = new XMLHttpRequest();
  const promise = new Promise<StoredImage>((resolve, reject) => {
    request.open("POST", address(`${of(collection)}/images`));
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    request.upload.onload = () => progress(1);
    request.onerror = () => reject(new Problem(0, "network", t.problem.network));
    request.onabort = () => reject(new Problem(0, "stopped", t.upload.stopped));
    request.onload = () => {
      if (request.status !== 200 && request.status !== 201) {
        reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
        return;
      }
      try {
        resolve(JSON.parse(request.responseText) as StoredImage);
      } catch { // a proxy's page
        reject(new Problem(0, "network", t.problem.network));
      }
    };
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
  return {promise, abort: () => request.abort()};
}
