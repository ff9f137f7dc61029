/* Where the user is, which is the address and nothing else: `/` searches, `/photos` lists, and what is chosen stands in the
 * query, so that reloading, going back and sending the address to somebody do what one thinks. */
import {useEffect, useState} from "preact/hooks";

export type Page = "search" | "photos";
export interface Route {
  page: Page;
  collection: string | null; // ?in=
  face: number | null; // ?face= a stored face that is searched for
  photo: number | null; // ?photo= a stored photo that is open
}

const PAGES: Record<string, Page> = {photos: "photos"};

function number(text: string | null): number | null {
  return text !== null && /^[1-9][0-9]{0,17}$/.test(text) ? Number(text) : null;
}

export function read(at: {pathname: string; search: string}): Route {
  const query = new URLSearchParams(at.search);
  return {page: PAGES[at.pathname.split("/").pop() ?? ""] ?? "search", collection: query.get("in"), face: number(query.get("face")),
    photo: number(query.get("photo"))};
}

/** The address of a route, relative to the page. */
export function write(route: Partial<Route> & {page: Page}): string {
  const query = new URLSearchParams();
  if (route.collection && route.collection !== "default") query.set("in", route.collection);
  if (route.face) query.set("face", String(route.face));
  if (route.photo) query.set("photo", String(route.photo));
  const text = query.toString();
  return `./${route.page === "search" ? "" : route.page}${text ? `?${text}` : ""}`;
}

const listeners = new Set<() => void>();

export function go(route: Partial<Route> & {page: Page}, how: "push" | "replace" = "push") {
  history[how === "push" ? "pushState" : "replaceState"](null, "", write(route));
  for (const fn of listeners) fn();
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => read(location));
  useEffect(() => {
    const changed = () => setRoute(read(location));
    listeners.add(changed);
    addEventListener("popstate", changed);
    return () => {
      listeners.delete(changed);
      removeEventListener("popstate", changed);
    };
  }, []);
  return route;
}
