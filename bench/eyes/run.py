#!/usr/bin/env python3
"""What the descriptor packs cost: a command's start, a photo of a face, a large photo, a face; CPU time.

usage: run.py BUILD        (a build folder configured with -Dbench=true; packs in $LIKEN_MODELS)

The program itself is run, once for one photo and once for many, in ROUNDS rounds in which all packs take turns, so that a
slow minute hits all alike: what more photos cost more is the cost of a photo, and what is left of the first run is the
start. With OLD=path/to/another/liken its default pack takes turns too, and the others are told as parts of it; else as
parts of faceapi. Photos: those of LIKEN_FACES/identities where that is set, else samples of the pack faceapi shrunk to 250
pixels; and samples enlarged to 4000 pixels with noise, so that they are as dear to decode as real ones.

A face of reid is then timed beside ONNX Runtime and OpenVINO on one thread, where pip has them and LIKEN_MODEL_MIRROR has
reference/face-reidentification-retail-0095.onnx; what cannot be had is named. Prints a table and writes BUILD/bench/eyes.json.
"""
import datetime
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys

ROUNDS, SMALL, LARGE, NOISE = 5, 40, 6, 12
PACKS = ("reid", "mobilefacenet", "faceapi")
HERE = pathlib.Path(__file__).resolve().parent
RIVAL = """
import sys, time, numpy
path, engine = sys.argv[1:]
x = numpy.random.default_rng(1).uniform(0, 255, (1, 3, 128, 128)).astype("float32")
if engine == "onnxruntime":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    version, run = onnxruntime.__version__, lambda: session.run(None, {session.get_inputs()[0].name: x})
else:
    import openvino
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
    version, run = openvino.__version__.split("-")[0], lambda: model([x])
for _ in range(10):
    run()
begun, count = time.process_time(), 0
while time.process_time() - begun < 0.7:
    run()
    count += 1
print(engine + " " + version, 1e3 * (time.process_time() - begun) / count, sep="\\t")
"""


def packs_folder():
    home = os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))
    return pathlib.Path(os.environ.get("LIKEN_MODELS", os.path.join(home, "liken", "models"))).resolve()


def cpu(command, **more):
    """CPU milliseconds of a program and of those that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def photos_of(build, packs):
    """(photos of a face each, large photos)"""
    tool, folder = build / "bench" / "pipeline" / "bench_pipeline", build / "bench" / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    samples = sorted((packs / "faceapi" / "samples").glob("*.jpg"))
    if not samples:
        sys.exit(f"{packs}/faceapi/samples has no photos: liken models install faceapi")

    def make(side, noise):
        made = []
        for sample in samples:
            made.append(folder / f"{sample.stem}-{side}-{noise}.jpg")
            if not made[-1].exists():
                subprocess.run([tool, "make", sample, str(side), made[-1], str(noise)], check=True)
        return made

    faces = pathlib.Path(os.environ.get("LIKEN_FACES") or "/nonexistent") / "identities"
    small = sorted(faces.glob("*/*_0001.jpg"))[:SMALL]
    if len(small) < SMALL:
        small = (make(250, 0) * SMALL)[:SMALL]
    return small, make(4000, NOISE)[:LARGE]


def costs(engines, small, large):
    """{engine: {metric: median}}"""
    seen = {name: {} for name in engines}
    for _ in range(ROUNDS):
        for name, (program, pack) in engines.items():
            base = [program, "detect", "--json", "--describe", "--threads", "1", "--sandbox", "off",
                    *(["--pack", pack] if pack else [])]
            one, many = cpu([*base, small[0]]), cpu([*base, *small])
            two, all_large = cpu([*base, large[0]]), cpu([*base, *large])
            face = (many - one) / (len(small) - 1)
            for metric, value in (("start", one - face), ("a photo of a face", face),
                                  ("a photo of 12 megapixels, with noise", (all_large - two) / (len(large) - 1))):
                seen[name].setdefault(metric, []).append(value)
    return {name: {metric: statistics.median(values) for metric, values in rows.items()} for name, rows in seen.items()}


def rivals(build, packs, rows):
    """A face alone, in turns with what else runs that network."""
    tool, folder = build / "bench" / "nn" / "bench_nn", build / "bench" / "rivals"
    network = pathlib.Path(os.environ.get("LIKEN_MODEL_MIRROR") or "/nonexistent") / "reference" / "face-reidentification-retail-0095.onnx"
    python, missing = folder / "venv" / "bin" / "python", []
    if not network.exists():
        missing.append("ONNX Runtime, OpenVINO: LIKEN_MODEL_MIRROR has no reference/" + network.name)
    elif not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "numpy", "onnxruntime", "openvino"], check=False)
    seen = {}
    for _ in range(ROUNDS):
        for name in ("reid", "mobilefacenet"):
            said = subprocess.run([tool, name, "1"], check=True, capture_output=True, text=True,
                                  env={**os.environ, "LIKEN_MODELS": str(packs)}).stdout.split("\t")
            seen.setdefault(f"liken, {name}", []).append(float(said[1]))
        for engine in ("onnxruntime", "openvino") if network.exists() else ():
            done = subprocess.run([python, "-c", RIVAL, network, engine], check=False, capture_output=True, text=True)
            if done.returncode == 0:
                name, value = done.stdout.strip().split("\t")
                seen.setdefault(f"{name}, reid", []).append(float(value))
            elif engine not in str(missing):
                missing.append(f"{engine}: {done.stderr.strip().splitlines()[-1]}")
    print("\na face, milliseconds (medians of", ROUNDS, "rounds):")
    for name, values in seen.items():
        print(f"  {name:<32}{statistics.median(values):>8.2f}")
        rows.append({"case": "a face", "engine": name, "metric": "cpu time", "value": statistics.median(values), "unit": "ms"})
    for text in missing:
        print("missing:", text)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, packs = pathlib.Path(sys.argv[1]).resolve(), packs_folder()
    os.environ.update(LIKEN_MODELS=str(packs), LIKEN_DATA=str(build / "bench" / "eyes"))  # an old liken makes a gallery
    engines = {name: (str(build / "liken"), name) for name in PACKS if (packs / name / "pack.json").exists()}
    if os.environ.get("OLD"):
        engines["old"] = (os.environ["OLD"], None)
    base = "old" if "old" in engines else "faceapi"
    small, large = photos_of(build, packs)
    for program, pack in engines.values():  # what a first start leaves behind is there
        cpu([program, "detect", "--describe", "--sandbox", "off", small[0], *(["--pack", pack] if pack else [])])
    name = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    rows = [{"case": "machine", "cpu": name, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "date": now}]
    print(f"{name}, {now}, load {os.getloadavg()[0]:.1f}; CPU milliseconds, medians of {ROUNDS} rounds, and parts of {base}")
    found = costs(engines, small, large)
    for metric in next(iter(found.values())):
        print(metric)
        for engine, values in found.items():
            print(f"  {engine:<16}{values[metric]:>9.1f}{values[metric] / found[base][metric]:>8.0%}")
            rows.append({"case": metric, "engine": engine, "metric": "cpu time", "value": values[metric], "unit": "ms", "of": base,
                         "part": values[metric] / found[base][metric]})
    rivals(build, packs, rows)
    path = build / "bench" / "eyes.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"written: {path}")


main()
