/* Searching: a photo (or a stored face, ?face= in the address) comes in, its faces are drawn on it, and the one that is
 * chosen shows its matches. One request answers all faces, and widely, so that choosing and the slider ask for nothing. */
import {useEffect, useRef, useState} from "preact/hooks";
import {type Collection, type Face, imageOfFace, preview, Problem, searchFace, searchPhoto, type SearchResult, type StoredImage} from "../api";
import {usePicture} from "../pictures";
import {PhotoView} from "../photos/view";
import {go, type Route} from "../route";
import {t} from "../strings";
import {useDrop} from "../ui/drop";
import {type Spot, FacePicture} from "../ui/faces";
import {Icon} from "../ui/icon";
import {Busy, Button, Empty, FileButton, IconButton, Notice} from "../ui/parts";
import type {Shape} from "../words";
import {Camera} from "./camera";
import {Results} from "./results";

interface Query {photo: Blob | null; stored: StoredImage | null; face: number | null} // a photo, or a face of a stored one
type State = {is: "idle"} | {is: "busy"; query: Query} | {is: "bad"; query: Query; text: string} | {is: "done"; query: Query; result: SearchResult};

const isAbort = (e: unknown) => e instanceof DOMException && e.name === "AbortError";

async function ask(collection: Collection, photo: Blob | null, face: number | null, found: (q: Query) => void, signal: AbortSignal): Promise<State> {
  if (photo) return {is: "done", query: {photo, stored: null, face: null}, result: await searchPhoto(collection, photo, signal)};
  const stored = await imageOfFace(collection.name, face ?? 0, signal);
  found({photo: null, stored, face});
  return {is: "done", query: {photo: null, stored, face}, result: await searchFace(collection, face ?? 0, signal)};
}

/** The search that is on: of the photo that was given last, or of the face in the address. */
function useSearch(collection: Collection, face: number | null) {
  const [state, setState] = useState<State>({is: "idle"});
  const running = useRef<AbortController>();
  const run = (photo: Blob | null, byFace: number | null) => {
    running.current?.abort();
    const control = (running.current = new AbortController());
    const query = {photo, stored: null, face: byFace};
    setState({is: "busy", query});
    ask(collection, photo, byFace, (q) => setState({is: "busy", query: q}), control.signal).then(
      (done) => control.signal.aborted || setState(done),
      (e: unknown) => {
        if (!isAbort(e) && !control.signal.aborted) setState({is: "bad", query, text: e instanceof Problem ? e.message : t.problem.unknown});
      });
  };
  useEffect(() => {
    if (face !== null) run(null, face);
    else if (state.is !== "idle" && state.query.photo === null) setState({is: "idle"});
  }, [face]);
  useEffect(() => () => running.current?.abort(), []);
  return {state, run, clear: () => {
    running.current?.abort();
    setState({is: "idle"});
  }};
}

export function SearchPage({collection, route}: {collection: Collection; route: Route}) {
  const {state, run, clear} = useSearch(collection, route.face);
  const [camera, setCamera] = useState(false);
  const start = (files: File[]) => {
    const photo = files[0];
    if (!photo) return;
    if (route.face !== null) go({page: "search", collection: route.collection});
    scrollTo(0, 0);
    run(photo, null);
  };
  const over = useDrop(start);
  return (
    <div class={`search ${state.is === "idle" ? "idle" : ""}`}>
      {state.is === "idle"
        ? <Start collection={collection} over={over} onFiles={start} onCamera={() => setCamera(true)} />
        : <Searched state={state} collection={collection} route={route} onFiles={start} onCamera={() => setCamera(true)}
            onAgain={state.query.photo ? () => run(state.query.photo, null) : () => run(null, route.face)}
            onClear={() => {
              clear();
              if (route.face !== null) go({page: "search", collection: route.collection});
            }} />}
      {over && state.is !== "idle" && <div class="drop-veil"><span>{t.search.dropNow}</span></div>}
      {camera && <Camera onClose={() => setCamera(false)} onPicture={(photo) => {
        setCamera(false);
        start([photo]);
      }} />}
      {route.photo !== null && <PhotoView collection={collection} id={route.photo} route={route} />}
    </div>
  );
}

function Start({collection, over, onFiles, onCamera}: {collection: Collection; over: boolean; onFiles: (f: File[]) => void; onCamera: () => void}) {
  const s = t.search;
  if (collection.images === 0)
    return (
      <Empty icon="photos" title={s.emptyTitle} text={s.empty}>
        <Button look="main" icon="add" onClick={() => go({page: "photos", collection: collection.name})}>{s.emptyAction}</Button>
      </Empty>
    );
  return (
    <section class="start">
      <h1>{s.title}</h1>
      <div class={`drop ${over ? "over" : ""}`}>
        <span class="drop-icon"><Icon name="face" size={44} /></span>
        <p class="drop-title"><span class="mouse">{over ? s.dropNow : s.drop}</span><span class="touch">{s.touch}</span></p>
        <p class="drop-or"><span class="mouse">{s.or}</span><span class="touch">{s.touchOr}</span></p>
        <div class="row">
          <FileButton icon="photos" onFiles={onFiles}>{s.choose}</FileButton>
          <Button icon="camera" onClick={onCamera}>{s.camera}</Button>
        </div>
      </div>
      <p class="start-scope">{s.scope(collection.faces, collection.images)}</p>
      <p class="small"><Icon name="lock" size={16} /> {t.private}</p>
    </section>
  );
}

/** The photo as an address for an <img>, by way of the server where the browser cannot draw it; and its size. */
function useShown(photo: Blob | null) {
  const [shown, setShown] = useState<{url: string; shape: Shape} | null>(null);
  useEffect(() => {
    if (!photo) return;
    let wanted = true;
    const urls: string[] = [];
    const load = (from: Blob, onBad: () => void) => {
      const url = URL.createObjectURL(from);
      urls.push(url);
      const probe = new Image();
      probe.onload = () => wanted && setShown({url, shape: {width: probe.naturalWidth, height: probe.naturalHeight}});
      probe.onerror = onBad;
      probe.src = url;
    };
    load(photo, () => void preview(photo).then((drawn) => wanted && load(drawn, () => {}), () => {}));
    return () => {
      wanted = false;
      for (const url of urls) URL.revokeObjectURL(url);
      setShown(null);
    };
  }, [photo]);
  return shown;
}

function Searched({state, collection, route, onFiles, onCamera, onClear, onAgain}: {
  state: Exclude<State, {is: "idle"}>; collection: Collection; route: Route; onFiles: (f: File[]) => void; onCamera: () => void; onClear: () => void;
  onAgain: () => void;
}) {
  const {query} = state;
  const result = state.is === "done" ? state.result : null;
  const [chosen, setChosen] = useState(0);
  useEffect(() => setChosen(0), [result]);
  const answer = result?.faces[chosen];
  return (
    <div class="searched">
      <h1 class="unseen">{t.search.titleShort}</h1>
      <aside class="query" aria-label={query.photo ? t.search.query : t.search.queryFace}>
        <QueryPicture query={query} result={result} collection={collection} chosen={chosen} onChoose={setChosen} />
        {state.is === "busy" && <Busy text={query.photo ? t.search.looking : t.search.comparing} />}
        {result && <Found result={result} query={query} />}
        <div class="row query-tools">
          <FileButton look="plain" icon="photos" onFiles={onFiles}>{t.search.again}</FileButton>
          <IconButton icon="camera" label={t.search.camera} onClick={onCamera} />
          <span class="spring" />
          <IconButton icon="close" label={t.search.clear} onClick={onClear} />
        </div>
      </aside>
      <section class="answers" aria-live="polite" aria-busy={state.is === "busy"}>
        {state.is === "bad" && (
          <Notice kind="bad" title={state.text}><Button look="plain" icon="again" onClick={onAgain}>{t.retry}</Button></Notice>
        )}
        {state.is === "busy" && <div class="grid waiting" aria-hidden="true">{Array.from({length: 8}, (_, i) => <span key={i} class="tile ghost" />)}</div>}
        {result && !answer && <NoFace result={result} />}
        {result && answer && <Results key={chosen} result={result} answer={answer} collection={collection} route={route} />}
      </section>
    </div>
  );
}

function QueryPicture({query, result, collection, chosen, onChoose}: {
  query: Query; result: SearchResult | null; collection: Collection; chosen: number; onChoose: (i: number) => void;
}) {
  const shown = useShown(query.photo);
  const s = t.search;
  if (query.stored) return <StoredQuery image={query.stored} face={query.face ?? 0} collection={collection} />;
  const faces = (result?.faces ?? []).flatMap((a) => (a.face ? [a.face] : []));
  const shape = result?.width && result.height ? {width: result.width, height: result.height} : shown?.shape;
  if (!shape) return <div class="face-picture ghost square" />;
  const spots: Spot[] = [
    ...faces.map((f: Face, i: number) => ({box: f.box, label: s.faceNumber(i + 1), kind: "face" as const, chosen: i === chosen, onChoose: () => onChoose(i)})),
    ...(result?.refused ?? []).map((f) => ({box: f.box, label: t.reason[f.reason] ?? f.reason, kind: "refused" as const})),
  ];
  return <FacePicture src={shown?.url ?? null} alt={s.query} shape={shape} spots={spots} />;
}

function StoredQuery({image, face, collection}: {image: StoredImage; face: number; collection: Collection}) {
  const url = usePicture(collection.name, "images", image.id, 1280);
  const spots: Spot[] = image.faces.map((f, i) => f.id === face
    ? {box: f.box, label: t.search.queryFace, kind: "face", chosen: true}
    : {box: f.box, label: t.photo.searchFace(i + 1), kind: "face", chosen: false, onChoose: () => go({page: "search", collection: collection.name, face: f.id})});
  if (image.width === 0) return null; // a row of the legacy system: nothing is known of its picture
  return <FacePicture src={url} alt={t.search.queryFace} shape={image} spots={spots} />;
}

/** What was found in the query photo, the faces too that cannot be searched for. */
function Found({result, query}: {result: SearchResult; query: Query}) {
  const refused = result.refused ?? [];
  return (
    <div class="found">
      {query.photo && result.faces.length > 0 && <p>{t.search.facesFound(result.faces.length)}</p>}
      {result.note && <p class="small">{result.note}</p>}
      {refused.length > 0 && result.faces.length > 0 && (
        <details class="refused">
          <summary>{t.search.refusedTitle(refused.length)}</summary>
          <RefusedList result={result} />
        </details>
      )}
    </div>
  );
}

function RefusedList({result}: {result: SearchResult}) {
  const kinds = new Map((result.refused ?? []).map((f) => [f.reason, f.advice]));
  return <ul>{[...kinds].map(([reason, advice]) => <li key={reason}><strong>{t.reason[reason] ?? reason}</strong>: {advice}</li>)}</ul>;
}

function NoFace({result}: {result: SearchResult}) {
  const refused = (result.refused ?? []).length > 0;
  return (
    <div>
      <Empty icon="face" title={refused ? t.search.onlyRefusedTitle : t.search.noFaceTitle} text={refused ? "" : t.search.noFace} />
      {refused && <div class="refused card"><RefusedList result={result} /></div>}
    </div>
  );
}
