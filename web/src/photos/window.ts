/* Which rows of a long grid are drawn: those in sight and some around them, whatever there are. Pure. */
export interface Layout {columns: number; side: number; gap: number; rows: number; height: number}

export function layoutOf(width: number, count: number, least: number, gap: number): Layout {
  const columns = Math.max(2, Math.floor((width + gap) / (least + gap)));
  const side = Math.max(1, (width - gap * (columns - 1)) / columns);
  const rows = Math.ceil(count / columns);
  return {columns, side, gap, rows, height: rows === 0 ? 0 : rows * (side + gap) - gap};
}

/** The first item that is drawn and the one after the last; `top`: where the sight begins, from the top of the grid. */
export function seen(layout: Layout, top: number, sight: number, count: number, around = 2): {from: number; to: number} {
  const step = layout.side + layout.gap;
  const first = Math.max(0, Math.floor(top / step) - around);
  const last = Math.min(layout.rows, Math.ceil((top + sight) / step) + around);
  return {from: Math.min(count, first * layout.columns), to: Math.max(0, Math.min(count, last * layout.columns))};
}
