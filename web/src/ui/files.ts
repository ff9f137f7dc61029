/* Files that come by dropping and pasting, those inside of dropped folders too. */

type Entry = FileSystemEntry & {
  file?: (ok: (f: File) => void, bad: (e: unknown) => void) => void;
  createReader?: () => {readEntries: (ok: (list: Entry[]) => void, bad: (e: unknown) => void) => void};
};

const NOT_PHOTOS = /^(video|audio|text|application)\//;

/** What in a folder may be a photo; the server looks at the bytes. */
export const mayBePhoto = (file: File) => !file.name.startsWith(".") && file.size > 0 && !NOT_PHOTOS.test(file.type);

async function filesOf(entry: Entry): Promise<File[]> {
  if (entry.isFile && entry.file) return new Promise((ok) => entry.file?.((f) => ok([f]), () => ok([])));
  const reader = entry.createReader?.();
  const found: File[] = [];
  for (;;) { // it gives a hundred at a time
    const some = await new Promise<Entry[]>((ok) => (reader ? reader.readEntries(ok, () => ok([])) : ok([])));
    if (some.length === 0) return found.filter(mayBePhoto);
    for (const inner of some) found.push(...(await filesOf(inner)));
  }
}

/** All files of a drop or a paste. Must be called while the event is handled. */
export async function filesFrom(data: DataTransfer | null): Promise<File[]> {
  if (!data) return [];
  const items = [...data.items].filter((i) => i.kind === "file");
  const entries = items.map((i) => (i as {webkitGetAsEntry?: () => Entry | null}).webkitGetAsEntry?.() ?? null);
  const plain = [...data.files];
  if (!entries.some((e) => e?.isDirectory)) return plain;
  return (await Promise.all(entries.map((e) => (e ? filesOf(e) : [])))).flat();
}
