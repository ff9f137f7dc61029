/* Addresses of pictures. A server without keys gives them as they are. With a key an <img> has none to send, so links are
 * asked for: all that are wanted within a moment in one call, and again shortly before they run out. */
import {useEffect, useState} from "preact/hooks";
import {address, hasKey, links} from "./api";

export type Kind = "images" | "faces";
interface Link {url: string; until: number}
interface Waiting {id: number; resolve: (url: string | null) => void}

const EARLY = 60_000; // before a link ends another is taken
const MOST = 1000; // in one call
const known = new Map<string, Link>();
const waiting = new Map<string, Waiting[]>();

async function fetchLinks(collection: string, kind: Kind, size: number, wanted: Waiting[]) {
  for (let i = 0; i < wanted.length; i += MOST) {
    const part = wanted.slice(i, i + MOST);
    try {
      const got = await links(collection, {[kind]: [...new Set(part.map((w) => w.id))]}, size);
      const until = got.expires_at === null ? 0 : Date.parse(got.expires_at);
      for (const link of got[kind]) known.set(name(collection, kind, link.id, size), {url: address(link.url), until});
    } catch {
      // whoever waits shows that there is no picture
    }
    for (const w of part) w.resolve(known.get(name(collection, kind, w.id, size))?.url ?? null);
  }
}

const name = (collection: string, kind: Kind, id: number, size: number) => `${collection}/${kind}/${id}/${size}`;

export function direct(collection: string, kind: Kind, id: number, size: number) {
  return address(`v1/collections/${encodeURIComponent(collection)}/${kind}/${id}/${kind === "images" ? "picture" : "crop"}?size=${size}`);
}

function linked(collection: string, kind: Kind, id: number, size: number): Promise<string | null> {
  const link = known.get(name(collection, kind, id, size));
  if (link && link.until > Date.now() + EARLY) return Promise.resolve(link.url);
  return new Promise((resolve) => {
    const group = `${kind}/${size}/${collection}`;
    const queue = waiting.get(group);
    if (queue) {
      queue.push({id, resolve});
      return;
    }
    waiting.set(group, [{id, resolve}]);
    setTimeout(() => {
      const all = waiting.get(group) ?? [];
      waiting.delete(group);
      void fetchLinks(collection, kind, size, all);
    }, 10);
  });
}

/** The address of a picture; null until it is known, or when there is none. */
export function usePicture(collection: string, kind: Kind, id: number, size: number): string | null {
  const at = hasKey() ? null : direct(collection, kind, id, size);
  const [url, setUrl] = useState<string | null>(at);
  useEffect(() => {
    if (at !== null) {
      setUrl(at);
      return;
    }
    let wanted = true;
    setUrl(known.get(name(collection, kind, id, size))?.url ?? null);
    void linked(collection, kind, id, size).then((found) => wanted && setUrl(found));
    return () => {
      wanted = false;
    };
  }, [at, collection, kind, id, size]);
  return url;
}
