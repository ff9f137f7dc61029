/* A picture from the camera: first what will happen, then the live picture, then the still one, which is sent only when
 * its taker says so. What keeps a browser from the camera is said with its remedy. */
import {useEffect, useRef, useState} from "preact/hooks";
import {t} from "../strings";
import {Button, Busy, Dialog, IconButton, Notice} from "../ui/parts";

type Step = "explain" | "starting" | "live" | "still";

/** Why the camera did not open, for whoever wanted it. */
export function cameraFault(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return t.camera.denied;
  if (name === "NotFoundError" || name === "OverconstrainedError") return t.camera.missing;
  if (name === "NotReadableError" || name === "AbortError") return t.camera.busy;
  return t.camera.unknown;
}

function takeStill(video: HTMLVideoElement): Promise<File | null> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return new Promise((resolve) =>
    canvas.toBlob((blob) => resolve(blob && new File([blob], "camera.jpg", {type: "image/jpeg"})), "image/jpeg", 0.92));
}

function useCamera() {
  const [step, setStep] = useState<Step>("explain");
  const [fault, setFault] = useState(navigator.mediaDevices ? "" : t.camera.insecure);
  const stream = useRef<MediaStream>();
  const closed = useRef(false);
  const stop = () => {
    for (const track of stream.current?.getTracks() ?? []) track.stop();
    stream.current = undefined;
  };
  useEffect(() => () => {
    closed.current = true;
    stop();
  }, []);
  const start = () => {
    setFault("");
    setStep("starting");
    navigator.mediaDevices.getUserMedia({video: {facingMode: "user", width: {ideal: 1280}, height: {ideal: 960}}, audio: false}).then(
      (got) => {
        stream.current = got;
        if (closed.current) stop();
        else setStep("live");
      },
      (e: unknown) => {
        setFault(cameraFault(e));
        setStep("explain");
      });
  };
  return {step, setStep, fault, stream, start, stop};
}

export function Camera({onClose, onPicture}: {onClose: () => void; onPicture: (photo: File) => void}) {
  const {step, setStep, fault, stream, start, stop} = useCamera();
  const video = useRef<HTMLVideoElement>(null);
  const [still, setStill] = useState<{file: File; url: string} | null>(null);
  const c = t.camera;
  useEffect(() => {
    if (step === "live" && video.current && stream.current) video.current.srcObject = stream.current;
  }, [step]);
  useEffect(() => () => {
    if (still) URL.revokeObjectURL(still.url);
  }, [still]);
  const take = () => {
    if (video.current)
      void takeStill(video.current).then((file) => {
        if (!file) return;
        stop();
        setStill({file, url: URL.createObjectURL(file)});
        setStep("still");
      });
  };
  return (
    <Dialog label={c.title} kind="camera" onClose={onClose}>
      <div class="dialog-head"><h2>{c.title}</h2><IconButton icon="close" label={t.close} onClick={onClose} /></div>
      {fault && <Notice kind="bad">{fault}</Notice>}
      {step === "explain" && <p>{c.explain}</p>}
      {step === "starting" && <Busy text={c.starting} />}
      {step === "live" && <video ref={video} class="camera-picture" autoplay playsInline muted aria-label={c.live} />}
      {step === "still" && still && <img class="camera-picture" src={still.url} alt={c.still} />}
      <div class="row end">
        {step === "explain" && navigator.mediaDevices && <Button look="main" icon="camera" onClick={start}>{fault ? t.retry : c.start}</Button>}
        {step === "live" && <Button look="main" icon="camera" onClick={take}>{c.take}</Button>}
        {step === "still" && still && (
          <>
            <Button onClick={start}>{c.again}</Button>
            <Button look="main" icon="search" onClick={() => onPicture(still.file)}>{c.use}</Button>
          </>
        )}
      </div>
    </Dialog>
  );
}
