/* Pictures with faces on them. Boxes stand in shares of the picture, so that they are right at every size and zoom. */
import type {Box} from "../api";
import {boxStyle, type Shape} from "../words";

export interface Spot {box: Box; label: string; kind: "face" | "refused"; chosen?: boolean; onChoose?: () => void}

/** A whole picture with a spot on each face; where choosing does something the spot is a button. */
export function FacePicture({src, alt, shape, spots, onError, onWidth}: {
  src: string | null; alt: string; shape: Shape; spots: Spot[]; onError?: () => void; onWidth?: (pixels: number) => void;
}) {
  const ratio = shape.width / shape.height;
  return (
    <div class="face-picture" style={{aspectRatio: `${shape.width} / ${shape.height}`, "--ratio": String(ratio)}}>
      {src && <img src={src} alt={alt} onError={onError} onLoad={(e) => onWidth?.(e.currentTarget.naturalWidth)} />}
      {spots.filter((s) => s.box.width > 0).map((s, i) => {
        const look = `spot ${s.kind}${s.chosen ? " chosen" : ""}`;
        return s.onChoose ? (
          <button key={i} type="button" class={look} style={boxStyle(shape, s.box)} aria-label={s.label} title={s.label}
            aria-pressed={s.chosen === undefined ? undefined : s.chosen} onClick={s.onChoose} />
        ) : <span key={i} class={look} style={boxStyle(shape, s.box)} title={s.label} />;
      })}
    </div>
  );
}
