/* The stored photos, a page at a time, as the server lists them: the oldest first, with a cursor. */
import {useCallback, useEffect, useRef, useState} from "preact/hooks";
import {images as fetchImages, Problem, type StoredImage} from "../api";
import {t} from "../strings";

const PAGE = 100;

/** What the grid keeps of a photo. */
export interface Item {id: number; name: string; faces: number}

export interface List {items: Item[]; ended: boolean; fault: string; more: () => void; again: () => void; drop: (id: number) => void}

const itemOf = (i: StoredImage): Item => ({id: i.id, name: i.file?.split("/").pop() || `#${i.id}`, faces: i.faces.length});

export function useList(collection: string): List {
  const [items, setItems] = useState<Item[]>([]);
  const [ended, setEnded] = useState(false);
  const [fault, setFault] = useState("");
  const next = useRef<number | null>(0);
  const busy = useRef(false);
  const alive = useRef(true);

  const more = useCallback(() => {
    if (busy.current || next.current === null) return;
    busy.current = true;
    fetchImages(collection, next.current, PAGE).then(
      (page) => {
        busy.current = false;
        if (!alive.current) return;
        next.current = page.next;
        setFault("");
        setItems((before) => [...before, ...page.images.map(itemOf)]);
        setEnded(page.next === null);
      },
      (e: unknown) => {
        busy.current = false;
        if (alive.current) setFault(e instanceof Problem ? e.message : t.problem.unknown);
      });
  }, [collection]);

  /** What came since the list ended: on from the last photo that is known. */
  const again = useCallback(() => {
    setItems((before) => {
      if (next.current === null) next.current = before[before.length - 1]?.id ?? 0;
      return before;
    });
    setTimeout(more, 0);
  }, [more]);

  useEffect(() => {
    alive.current = true;
    more();
    return () => {
      alive.current = false;
    };
  }, [more]);
  return {items, ended, fault, more, again, drop: (id) => setItems((before) => before.filter((i) => i.id !== id))};
}
