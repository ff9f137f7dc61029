/* The stored photos as a grid of which only what is in sight is drawn, and adding to them: by button, folder, drop, paste. */
import {useEffect, useLayoutEffect, useRef, useState} from "preact/hooks";
import type {Collection} from "../api";
import {usePicture} from "../pictures";
import {go, type Route} from "../route";
import {t} from "../strings";
import {useDrop} from "../ui/drop";
import {Icon} from "../ui/icon";
import {Busy, Button, Empty, FileButton, Notice} from "../ui/parts";
import {type Item, type List, useList} from "./list";
import {UploadPanel} from "./panel";
import {Uploads} from "./uploads";
import {PhotoView} from "./view";
import {layoutOf, seen} from "./window";

const LEAST = 148, GAP = 6; // pixels: of a picture's side, and between two

/** The uploads of this collection; they go on while the page shows something else. */
const running = new Map<string, Uploads>();
let told: () => void = () => {};
addEventListener("beforeunload", (e) => [...running.values()].some((u) => u.busy) && e.preventDefault());

function useUploads(collection: string, onIdle: () => void) {
  const [, tick] = useState(0);
  const idle = useRef(onIdle);
  idle.current = onIdle;
  const uploads = running.get(collection) ?? new Uploads(collection, () => told());
  running.set(collection, uploads);
  useEffect(() => {
    let was = uploads.busy, frame = 0;
    told = () => { // many changes, one drawing
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => tick((n) => n + 1));
      if (was && !uploads.busy) idle.current();
      was = uploads.busy;
    };
    return () => {
      told = () => {};
      cancelAnimationFrame(frame);
    };
  }, [uploads]);
  return {uploads, clear: () => {
    running.delete(collection);
    tick((n) => n + 1);
  }};
}

export function PhotosPage({collection, route, reload}: {collection: Collection; route: Route; reload: () => void}) {
  const list = useList(collection.name);
  const {uploads, clear} = useUploads(collection.name, () => {
    list.again();
    reload();
  });
  const add = (files: File[]) => uploads.add(files);
  const over = useDrop(add);
  const at = route.photo === null ? -1 : list.items.findIndex((i) => i.id === route.photo);
  const empty = list.ended && list.items.length === 0 && uploads.all.length === 0;
  return (
    <div class="photos">
      <div class="page-head">
        <div>
          <h1>{t.photos.title}</h1>
          {collection.images > 0 && <p class="small">{t.photos.counts(collection.images, collection.faces)}</p>}
        </div>
        {!empty && (
          <div class="row">
            <span class="desk"><FileButton look="plain" icon="folder" folder onFiles={add}>{t.photos.addFolder}</FileButton></span>
            <FileButton icon="add" many onFiles={add}>{t.photos.add}</FileButton>
          </div>
        )}
      </div>
      {empty && (
        <Empty icon="photos" title={t.photos.emptyTitle} text={t.photos.empty}>
          <FileButton icon="add" many onFiles={add}>{t.photos.add}</FileButton>
        </Empty>
      )}
      <PhotoGrid list={list} collection={collection} onOpen={(id) => go({...route, photo: id})} />
      {list.fault && <Notice kind="bad" title={list.fault}><Button icon="again" onClick={list.more}>{t.retry}</Button></Notice>}
      {!list.ended && !list.fault && <Busy text={t.loading} />}
      {uploads.all.length > 0 && <UploadPanel uploads={uploads} onClose={clear} />}
      {over && <div class="drop-veil"><span>{t.photos.dropNow}</span></div>}
      {route.photo !== null && (
        <PhotoView key="view" collection={collection} id={route.photo} route={route}
          around={{before: list.items[at - 1]?.id ?? null, after: at < 0 ? null : (list.items[at + 1]?.id ?? null)}}
          onRemoved={(id) => {
            list.drop(id);
            reload();
          }} />
      )}
    </div>
  );
}

/** Where the window is over the grid: its width, and how far the sight begins below its top. */
function useSight(grid: {current: HTMLElement | null}) {
  const [sight, setSight] = useState({width: 0, top: 0, height: 800});
  useLayoutEffect(() => {
    const look = () => {
      const at = grid.current?.getBoundingClientRect();
      if (at) setSight({width: at.width, top: Math.max(0, -at.top), height: innerHeight});
    };
    look();
    const sizes = new ResizeObserver(look);
    if (grid.current) sizes.observe(grid.current);
    addEventListener("scroll", look, {passive: true});
    addEventListener("resize", look);
    return () => {
      sizes.disconnect();
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, []);
  return sight;
}

function PhotoGrid({list, collection, onOpen}: {list: List; collection: Collection; onOpen: (id: number) => void}) {
  const grid = useRef<HTMLDivElement>(null);
  const sight = useSight(grid);
  const layout = layoutOf(sight.width, list.items.length, sight.width < 500 ? 100 : LEAST, GAP);
  const {from, to} = sight.width === 0 ? {from: 0, to: 0} : seen(layout, sight.top, sight.height, list.items.length);
  const near = to >= list.items.length - layout.columns * 3;
  useEffect(() => {
    if (near && !list.ended && !list.fault && sight.width > 0) list.more();
  }, [near, list.items.length, list.ended, list.fault, sight.width]);
  return (
    <div ref={grid} class="photo-grid" role="list" aria-label={t.photos.grid} style={{height: `${layout.height}px`}}>
      {list.items.slice(from, to).map((item, i) => {
        const n = from + i, row = Math.floor(n / layout.columns), column = n % layout.columns, step = layout.side + layout.gap;
        return (
          <div key={item.id} role="listitem" class="photo-cell" aria-setsize={list.ended ? list.items.length : -1} aria-posinset={n + 1}
            style={{width: `${layout.side}px`, height: `${layout.side}px`, transform: `translate(${column * step}px, ${row * step}px)`}}>
            <PhotoTile item={item} collection={collection} onOpen={() => onOpen(item.id)} />
          </div>
        );
      })}
    </div>
  );
}

function PhotoTile({item, collection, onOpen}: {item: Item; collection: Collection; onOpen: () => void}) {
  const url = usePicture(collection.name, "images", item.id, 400);
  const [bad, setBad] = useState(false);
  return (
    <button type="button" class="tile photo-tile" onClick={onOpen} aria-label={t.photos.open(item.name, item.faces)} title={item.name}>
      {url && !bad && <img src={url} alt="" class="cover" decoding="async" onError={() => setBad(true)} />}
      {bad && <span class="no-picture"><Icon name="photos" size={26} />{item.name}</span>}
      <span class="badge" aria-hidden="true">{item.faces === 0 ? t.photos.noFaces : <><Icon name="face" size={14} />{item.faces}</>}</span>
    </button>
  );
}
