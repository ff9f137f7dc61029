/* Dropping and pasting anywhere on the page. */
import {useEffect, useRef, useState} from "preact/hooks";
import {filesFrom} from "./files";

/** Calls `onFiles` with what is dropped or pasted anywhere; true while something is held over the page. */
export function useDrop(onFiles: (files: File[]) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    let depth = 0; // enter and leave come for every element inside
    const holds = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
    const take = (data: DataTransfer | null) => void filesFrom(data).then((files) => files.length > 0 && latest.current(files));
    const enter = (e: DragEvent) => {
      if (!holds(e)) return;
      e.preventDefault();
      depth++;
      setOver(true);
    };
    const leave = (e: DragEvent) => holds(e) && --depth <= 0 && setOver(false);
    const move = (e: DragEvent) => holds(e) && e.preventDefault();
    const drop = (e: DragEvent) => {
      if (!holds(e)) return;
      e.preventDefault();
      depth = 0;
      setOver(false);
      take(e.dataTransfer);
    };
    const paste = (e: ClipboardEvent) => {
      if ((e.clipboardData?.files.length ?? 0) > 0) take(e.clipboardData);
    };
    const all: [string, (e: never) => void][] = [["dragenter", enter], ["dragleave", leave], ["dragover", move], ["drop", drop], ["paste", paste]];
    for (const [name, fn] of all) document.addEventListener(name, fn as EventListener);
    return () => {
      for (const [name, fn] of all) document.removeEventListener(name, fn as EventListener);
    };
  }, []);
  return over;
}
