/* The parts that every page is made of. Each is one thing with one look (style/parts.css); none knows faces or the server. */
import type {ComponentChildren, JSX} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {t} from "../strings";
import {Icon, type IconName} from "./icon";

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon"> & {
  look?: "main" | "plain" | "quiet" | "danger"; icon?: IconName; type?: "button" | "submit"; disabled?: boolean;
};

export function Button({look = "plain", icon, children, type = "button", ...rest}: ButtonProps) {
  return (
    <button type={type} class={`button ${look}`} {...rest}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

export function IconButton({icon, label, ...rest}: JSX.HTMLAttributes<HTMLButtonElement> & {icon: IconName; label: string; disabled?: boolean}) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

/** A button that asks for files; `folder` for all that lie in one. */
export function FileButton({look = "main", icon, folder = false, many = false, children, onFiles}: {
  look?: "main" | "plain" | "quiet"; icon?: IconName; folder?: boolean; many?: boolean; children: ComponentChildren;
  onFiles: (files: File[]) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (folder) input.current?.setAttribute("webkitdirectory", "");
  }, [folder]);
  return (
    <>
      <Button look={look} {...(icon ? {icon} : {})} onClick={() => input.current?.click()}>{children}</Button>
      <input ref={input} type="file" class="hidden-input" tabIndex={-1} aria-hidden="true" multiple={many || folder}
        accept={folder ? undefined : "image/*,.heic,.heif,.avif,.jxl,.tif,.tiff,.dng,.cr2,.cr3,.nef,.arw,.raf,.orf,.rw2"}
        onChange={(e) => {
          onFiles([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = "";
        }} />
    </>
  );
}

/** Says that something is wrong, or worth knowing, and what to do. */
export function Notice({kind = "info", title, children}: {kind?: "info" | "bad"; title?: string; children?: ComponentChildren}) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
      <Icon name={kind === "bad" ? "alert" : "face"} />
      <div>
        {title && <strong>{title}</strong>}
        {children && <div class="notice-text">{children}</div>}
      </div>
    </div>
  );
}

/** A page, or a part of one, with nothing in it: why, and one thing to do. */
export function Empty({icon, title, text, children}: {icon: IconName; title: string; text: string; children?: ComponentChildren}) {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} size={30} /></span>
      <h2>{title}</h2>
      <p>{text}</p>
      {children && <div class="empty-action">{children}</div>}
    </div>
  );
}

export function Busy({text}: {text: string}) {
  return <div class="busy" role="status"><span class="spinner" aria-hidden="true" />{text}</div>;
}

export function Progress({share, label}: {share: number; label: string}) {
  return <progress class="progress" max={1} value={share} aria-label={label} />;
}

/** How alike, as a bar of five; the words beside it say the same. */
export function Likeness({similarity}: {similarity: number}) {
  const full = Math.max(1, Math.round(similarity * 5));
  return <span class="likeness" aria-hidden="true">{[1, 2, 3, 4, 5].map((i) => <i key={i} class={i <= full ? "full" : ""} />)}</span>;
}

/** A window over the page; Esc and a click beside it close it, and the focus goes back to where it was. */
export function Dialog({label, kind = "", onClose, children}: {label: string; kind?: string; onClose: () => void; children: ComponentChildren}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal?.();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({preventScroll: true});
    };
  }, []);
  return (
    <dialog ref={ref} class={`dialog ${kind}`} aria-label={label} onCancel={(e) => {
      e.preventDefault();
      onClose();
    }} onClick={(e) => e.target === ref.current && onClose()}>
      {children}
    </dialog>
  );
}

export function Confirm({title, text, action, onYes, onNo}: {title: string; text: string; action: string; onYes: () => void; onNo: () => void}) {
  return (
    <Dialog label={title} kind="confirm" onClose={onNo}>
      <h2>{title}</h2>
      <p>{text}</p>
      <div class="row end">
        <Button onClick={onNo}>{t.cancel}</Button>
        <Button look="danger" onClick={onYes}>{action}</Button>
      </div>
    </Dialog>
  );
}

// ---- short messages at the lower edge

let show: (text: string) => void = () => {};
export const say = (text: string) => show(text);

export function Toasts() {
  const [text, setText] = useState("");
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => {
    show = (message) => {
      clearTimeout(timer.current);
      setText(message);
      timer.current = setTimeout(() => setText(""), 4000);
    };
    return () => clearTimeout(timer.current);
  }, []);
  return <div class="toasts" role="status" aria-live="polite">{text && <div class="toast">{text}</div>}</div>;
}
