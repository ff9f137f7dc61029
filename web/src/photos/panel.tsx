/* How adding goes: all in one line, each file in another. Failed ones stand first, then what runs, then the rest. */
import {useState} from "preact/hooks";
import {t} from "../strings";
import {Icon} from "../ui/icon";
import {Button, IconButton, Progress} from "../ui/parts";
import {reasonsOf, totalsOf, type Upload, type Uploads} from "./uploads";

const SHOWN = 100; // rows; more are counted
const ORDER = {failed: 0, sending: 1, added: 2, waiting: 3} as const;

export function UploadPanel({uploads, onClose}: {uploads: Uploads; onClose: () => void}) {
  const [folded, setFolded] = useState(false);
  const sum = totalsOf(uploads.all);
  const rows = [...uploads.all].sort((a, b) => ORDER[a.is] - ORDER[b.is] || b.id - a.id).slice(0, SHOWN);
  const u = t.upload;
  return (
    <section class="uploads" aria-label={u.title}>
      <div class="uploads-head">
        <button type="button" class="uploads-title" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
          <strong>{uploads.busy ? u.title : u.done}</strong>
          <span role="status">{uploads.busy ? u.progress(sum.done, sum.all) : u.summary(sum.added, sum.existed, sum.failed)}</span>
        </button>
        {uploads.busy ? <Button look="quiet" onClick={() => uploads.stop(u.stopped)}>{u.stop}</Button>
          : <IconButton icon="close" label={t.close} onClick={onClose} />}
      </div>
      {uploads.busy && <Progress share={sum.share} label={u.title} />}
      {!folded && (
        <ul class="uploads-list">
          {rows.map((row) => <Row key={row.id} upload={row} />)}
          {uploads.all.length > SHOWN && <li class="small">{u.hidden(uploads.all.length - SHOWN)}</li>}
        </ul>
      )}
      {!folded && !uploads.busy && sum.again > 0 && <div class="row end"><Button icon="again" onClick={() => uploads.retry()}>{u.retry}</Button></div>}
    </section>
  );
}

function said(upload: Upload): string {
  const u = t.upload;
  if (upload.is === "waiting") return u.waiting;
  if (upload.is === "sending") return upload.share < 1 ? u.sending(Math.round(upload.share * 100)) : u.working;
  if (upload.is === "failed") return upload.text;
  const {faces, refused, existed} = upload.image;
  const text = existed ? u.existed(faces.length) : u.added(faces.length);
  return refused.length === 0 ? text : `${text}; ${u.notKept(refused.length, reasonsOf(refused, (r) => t.reason[r] ?? r))}`;
}

function Row({upload}: {upload: Upload}) {
  return (
    <li class={`upload ${upload.is}`}>
      <span class="upload-sign">
        {upload.is === "added" && <Icon name="check" size={18} />}
        {upload.is === "failed" && <Icon name="alert" size={18} />}
        {upload.is === "sending" && <span class="spinner" aria-hidden="true" />}
      </span>
      <span class="upload-text">
        <span class="upload-name">{upload.file.name}</span>
        <span class="upload-said">{said(upload)}</span>
      </span>
    </li>
  );
}
