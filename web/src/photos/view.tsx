/* One stored photo, opened: its faces as hot spots, each a search; what is known of it; deleting. It is a window over the
 * page, and the address says that it is open (?photo=). */
import {useEffect, useState} from "preact/hooks";
import {type Collection, image as fetchImage, Problem, removeImage, type StoredImage} from "../api";
import {usePicture} from "../pictures";
import {go, type Route} from "../route";
import {t} from "../strings";
import {type Spot, FacePicture} from "../ui/faces";
import {Icon} from "../ui/icon";
import {Busy, Button, Confirm, Dialog, IconButton, Notice, say} from "../ui/parts";
import {nameOf} from "../words";

type State = {is: "asking"} | {is: "bad"; text: string} | {is: "done"; image: StoredImage};

function useImage(collection: string, id: number): State {
  const [state, setState] = useState<State>({is: "asking"});
  useEffect(() => {
    const control = new AbortController();
    setState({is: "asking"});
    fetchImage(collection, id, control.signal).then(
      (image) => setState({is: "done", image}),
      (e: unknown) => {
        if (!control.signal.aborted)
          setState({is: "bad", text: e instanceof Problem ? (e.status === 404 ? t.photo.gone : e.message) : t.problem.unknown});
      });
    return () => control.abort();
  }, [collection, id]);
  return state;
}

/** `around`: the ids before and after it in the list it was opened from. */
export function PhotoView({collection, id, route, around, onRemoved}: {
  collection: Collection; id: number; route: Route; around?: {before: number | null; after: number | null}; onRemoved?: (id: number) => void;
}) {
  const state = useImage(collection.name, id);
  const [asking, setAsking] = useState(false);
  const close = () => go({...route, photo: null});
  const show = (other: number | null | undefined) => other && go({...route, photo: other}, "replace");
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.altKey || e.ctrlKey || e.metaKey || asking) return;
      if (e.key === "ArrowLeft") show(around?.before);
      if (e.key === "ArrowRight") show(around?.after);
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });
  const remove = (image: StoredImage) => {
    setAsking(false);
    removeImage(collection.name, image.id).then(
      () => {
        say(t.photo.removed);
        onRemoved?.(image.id);
        close();
      },
      (e: unknown) => say(e instanceof Problem ? e.message : t.problem.unknown));
  };
  return (
    <Dialog label={t.photo.label} kind="photo" onClose={close}>
      <div class="photo-tools">
        {around && <IconButton icon="back" label={t.photo.previous} disabled={!around.before} onClick={() => show(around.before)} />}
        {around && <IconButton icon="next" label={t.photo.next} disabled={!around.after} onClick={() => show(around.after)} />}
        <span class="spring" />
        <IconButton icon="close" label={t.close} onClick={close} />
      </div>
      {state.is === "asking" && <Busy text={t.loading} />}
      {state.is === "bad" && <Notice kind="bad">{state.text}</Notice>}
      {state.is === "done" && <Opened image={state.image} collection={collection} onRemove={() => setAsking(true)} />}
      {asking && state.is === "done" && (
        <Confirm title={t.photo.removeTitle} text={t.photo.removeText(state.image.faces.length)} action={t.photo.remove}
          onYes={() => remove(state.image)} onNo={() => setAsking(false)} />
      )}
    </Dialog>
  );
}

function Opened({image, collection, onRemove}: {image: StoredImage; collection: Collection; onRemove: () => void}) {
  const url = usePicture(collection.name, "images", image.id, 1600);
  const [bad, setBad] = useState(false);
  const [width, setWidth] = useState(0); // of the picture that came
  const find = (face: number) => {
    go({page: "search", collection: collection.name, face});
    scrollTo(0, 0);
  };
  const spots: Spot[] = [
    ...image.faces.map((f, i) => ({box: f.box, label: t.photo.searchFace(i + 1), kind: "face" as const, onChoose: () => find(f.id)})),
    ...image.refused.map((f) => ({box: f.box, label: t.reason[f.reason] ?? f.reason, kind: "refused" as const})),
  ];
  const known = image.width > 0 && image.height > 0;
  return (
    <div class="opened">
      <div class="opened-picture">
        {known && !bad && <FacePicture src={url} alt={nameOf(image)} shape={image} spots={spots} onError={() => setBad(true)} onWidth={setWidth} />}
        {(!known || bad) && <div class="no-picture large"><Icon name="photos" size={40} />{t.photos.noPicture}</div>}
      </div>
      <div class="opened-side">
        <h2>{nameOf(image)}</h2>
        <Facts image={image} />
        <h3>{t.photo.faces(image.faces.length)}</h3>
        {image.faces.length > 0 && (
          <ul class="crops">
            {image.faces.map((f, i) => <li key={f.id}><Crop face={f.id} number={i + 1} collection={collection} onFind={() => find(f.id)} /></li>)}
          </ul>
        )}
        <Refused image={image} />
        {width > 0 && width < Math.min(image.width, 800) && <p class="small">{t.photo.small}</p>}
        <div class="row end"><Button look="danger" icon="remove" onClick={onRemove}>{t.photo.remove}</Button></div>
      </div>
    </div>
  );
}

function Crop({face, number, collection, onFind}: {face: number; number: number; collection: Collection; onFind: () => void}) {
  const url = usePicture(collection.name, "faces", face, 200);
  const [bad, setBad] = useState(false);
  return (
    <button type="button" class="crop" aria-label={t.photo.searchFace(number)} title={t.photo.find} onClick={onFind}>
      {url && !bad ? <img src={url} alt="" onError={() => setBad(true)} /> : <Icon name="face" size={28} />}
    </button>
  );
}

const time = (text: string) => new Date(text).toLocaleString(undefined, {dateStyle: "medium", timeStyle: "short"});

function Facts({image}: {image: StoredImage}) {
  const rows: [string, string][] = [];
  if (image.captured_at) rows.push([t.photo.taken, time(image.captured_at)]);
  if (image.added_at) rows.push([t.photo.added, time(image.added_at)]);
  if (image.width > 0) rows.push([t.photo.size, t.photo.pixels(image.width, image.height)]);
  if (image.image_ids.length > 0) rows.push([t.photo.ids, image.image_ids.join(", ")]);
  if (image.files.length > 0) rows.push([t.photo.from, image.files.join("\n")]);
  return (
    <>
      <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {image.tags.length > 0 && <ul class="tags" aria-label={t.photo.tags}>{image.tags.map((tag) => <li key={tag} class="chip">{tag}</li>)}</ul>}
    </>
  );
}

function Refused({image}: {image: StoredImage}) {
  if (image.refused.length === 0) return null;
  const kinds = new Map(image.refused.map((f) => [f.reason, f.advice]));
  return (
    <details class="refused">
      <summary>{t.photo.refused(image.refused.length)}</summary>
      <ul>{[...kinds].map(([reason, advice]) => <li key={reason}><strong>{t.reason[reason] ?? reason}</strong>: {advice}</li>)}</ul>
    </details>
  );
}
