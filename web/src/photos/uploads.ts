/* Adding many photos: a queue with two on their way at a time. A server that is busy (503), or whose
 * key has had its share for now (429), is asked again when it says so.
 * Knows nothing of the page; whoever shows it is told of every change. */
import {addImage, Problem, type RefusedFace, type StoredImage, type Uploading} from "../api";
import {mayBePhoto} from "../ui/files";

export type Upload = {id: number; file: File} & (
  | {is: "waiting"} | {is: "sending"; share: number} | {is: "added"; image: StoredImage} | {is: "failed"; text: string; again: boolean});

const AT_ONCE = 2;
const PATIENCE = 5; // times a busy server is asked again for one photo

type Send = (collection: string, file: File, progress: (share: number) => void) => Uploading;

export class Uploads {
  all: Upload[] = [];
  private running = new Map<number, Uploading>();
  private tries = new Map<number, number>();
  private queue: number[] = []; // ids; the first is next
  private next = 0;
  private stopped = false;

  constructor(private collection: string, private changed: () => void, private send: Send = addImage, private pause = (s: number) =>
    new Promise<void>((ok) => setTimeout(ok, s * 1000))) {}

  add(files: File[]) {
    this.stopped = false;
    for (const file of files.filter(mayBePhoto)) {
      this.all.push({id: this.next, file, is: "waiting"});
      this.queue.push(this.next++);
    }
    this.pump();
  }

  retry() {
    this.stopped = false;
    for (const u of this.all)
      if (u.is === "failed" && u.again) {
        this.set(u.id, {id: u.id, file: u.file, is: "waiting"});
        this.queue.push(u.id);
      }
    this.pump();
  }

  /** Ends what runs and what waits; what was added stays. */
  stop(text: string) {
    this.stopped = true;
    for (const id of this.queue.splice(0)) this.fail(id, text, true);
    for (const running of this.running.values()) running.abort();
    this.changed();
  }

  get busy() {
    return this.running.size > 0 || this.queue.length > 0;
  }

  private set(id: number, to: Upload) {
    this.all[id] = to;
  }

  private fail(id: number, text: string, again: boolean) {
    const u = this.all[id];
    if (u) this.set(id, {id, file: u.file, is: "failed", text, again});
  }

  private pump() {
    while (!this.stopped && this.running.size < AT_ONCE && this.queue.length > 0) void this.one(this.queue.shift() ?? 0);
    this.changed();
  }

  private async one(id: number) {
    const u = this.all[id];
    if (!u) return;
    this.set(id, {id, file: u.file, is: "sending", share: 0});
    const running = this.send(this.collection, u.file, (share) => {
      if (this.all[id]?.is === "sending") this.set(id, {id, file: u.file, is: "sending", share});
      this.changed();
    });
    this.running.set(id, running);
    try {
      this.set(id, {id, file: u.file, is: "added", image: await running.promise});
    } catch (e) {
      await this.failed(id, e);
    }
    this.running.delete(id);
    this.pump();
  }

  private async failed(id: number, e: unknown) {
    const p = e instanceof Problem ? e : new Problem(0, "unknown", String(e));
    const tries = (this.tries.get(id) ?? 0) + 1;
    this.tries.set(id, tries);
    if (((p.status === 503 && p.code === "busy") || p.status === 429) && tries <= PATIENCE && !this.stopped) {
      await this.pause(Math.max(1, p.after));
      const u = this.all[id];
      if (u && !this.stopped) {
        this.set(id, {id, file: u.file, is: "waiting"});
        this.queue.push(id);
        return;
      }
    }
    this.fail(id, p.message, p.status === 0 || p.status >= 500 || p.status === 429);
  }
}

export interface Totals {all: number; done: number; added: number; existed: number; failed: number; share: number; again: number}

export function totalsOf(all: Upload[]): Totals {
  const sum = {all: all.length, done: 0, added: 0, existed: 0, failed: 0, share: 0, again: 0};
  for (const u of all) {
    const done = u.is === "added" || u.is === "failed";
    sum.done += done ? 1 : 0;
    sum.added += u.is === "added" && !u.image.existed ? 1 : 0;
    sum.existed += u.is === "added" && u.image.existed ? 1 : 0;
    sum.failed += u.is === "failed" ? 1 : 0;
    sum.again += u.is === "failed" && u.again ? 1 : 0;
    sum.share += done ? 1 : u.is === "sending" ? u.share * 0.7 : 0; // the rest is for the faces
  }
  sum.share = all.length === 0 ? 0 : sum.share / all.length;
  return sum;
}

/** "2 too small, 1 blurred" */
export function reasonsOf(refused: RefusedFace[], name: (reason: string) => string): string {
  const counts = new Map<string, number>();
  for (const f of refused) counts.set(f.reason, (counts.get(f.reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => (counts.size === 1 ? name(reason) : `${count} ${name(reason)}`)).join(", ");
}
