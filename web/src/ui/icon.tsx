/* The icons: strokes on a field of 24, in the colour of the text beside them. They say nothing to a screen reader. */
const PATHS = {
  search: "M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l5 5",
  photos: "M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM4 16l4.5-4.5 3.5 3.5 3-3 5 5M15.5 9h.01",
  camera: "M4 8.5A1.5 1.5 0 0 1 5.5 7h2L9 5h6l1.5 2h2A1.5 1.5 0 0 1 20 8.5v9a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM12 10a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  add: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  back: "M14.5 6l-6 6 6 6",
  next: "M9.5 6l6 6-6 6",
  remove: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.5 10.5v5M13.5 10.5v5",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  folder: "M4 7.5A1.5 1.5 0 0 1 5.5 6H9l2 2h7.5A1.5 1.5 0 0 1 20 9.5v7a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 16.5z",
  face: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM9.3 10.2h.01M14.7 10.2h.01M8.8 14.2c1.7 2 4.7 2 6.4 0",
  check: "M5.5 12.5l4 4 9-9.5",
  alert: "M12 4.5l8.5 14.5h-17zM12 10.5v4M12 16.6h.01",
  lock: "M7 11V8.5a5 5 0 0 1 10 0V11M6 11h12v8.5H6z",
  out: "M10 5H5.5v14H10M14 8l4 4-4 4M18 12H9.5",
  again: "M19 12a7 7 0 1 1-2.2-5.1M17.5 3.5v4h-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({name, size = 20}: {name: IconName; size?: number}) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"
      stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** liken's own sign: two faces that are nearly one. */
export function Mark() {
  return (
    <svg class="mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" class="mark-ground" />
      <g fill="none" class="mark-lines" stroke-width="2.4"><circle cx="12.4" cy="16" r="6.6" /><circle cx="19.6" cy="16" r="6.6" /></g>
    </svg>
  );
}
