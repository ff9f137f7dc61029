#!/usr/bin/env python3
"""The pipeline benchmark: JPEG bytes to descriptors, CPU time a photo, on 12-megapixel photos and on small ones.

usage: run.py BUILD        (a build folder configured with -Dbench=true; packs in $LIKEN_MODELS)

The photos are the samples of the pack faceapi, enlarged to 4000 pixels (bilinear: they are soft, and their files small for
their size) and shrunk to 800. liken is timed in ROUNDS rounds, with a round of the rivals, which take seconds a photo,
between the first RIVAL_ROUNDS of them. They get pixels: liken's own decode at 1:1 is added to their time. Times are the
medians of the rounds. Threads are measured in wall time, in turn, so run this on an idle machine. Prints tables and writes
BUILD/bench/pipeline.json; takes five minutes.
"""
import datetime
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys

ROUNDS, RIVAL_ROUNDS = 5, 3
SIDES = {"12 megapixels": 4000, "small": 800}
STAGES = ["decode", "detect", "decode again", "landmarks", "align", "describe"]
HERE = pathlib.Path(__file__).resolve().parent
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}


def packs_folder():
    home = os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))
    return pathlib.Path(os.environ.get("LIKEN_MODELS", os.path.join(home, "liken", "models"))).resolve()


def say(command, packs):
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD, "LIKEN_MODELS": str(packs)}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-400:]}")
    return done.stdout.splitlines()


def attempt(command, **more):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, done.stdout.strip()[-300:]


def make_photos(program, folder, packs):
    """{kind: [jpeg]}; the same pixels as .ppm lie beside them."""
    samples = sorted((packs / "faceapi" / "samples").glob("*.jpg"))
    if not samples:
        sys.exit(f"{packs}/faceapi/samples has no photos: install the pack again (liken models install faceapi)")
    made = {}
    for kind, side in SIDES.items():
        for sample in samples:
            photo = folder / f"{sample.stem}-{side}.jpg"
            if not photo.exists():
                say([program, "make", sample, str(side), photo], packs)
                say([program, "raw", photo, photo.with_suffix(".ppm")], packs)
            made.setdefault(kind, []).append(photo)
    return made


def find_rivals(build, folder, packs):
    """([command without the photos], [what is missing])."""
    rivals, missing = [], []
    program = folder / "rival_legacy"
    if not (packs / "dlib").is_dir():
        missing.append("legacy pipeline (dlib): the pack \"dlib\" is not installed")
    else:
        ok, said = (True, "") if program.exists() else attempt(
            ["g++", "-O3", "-march=native", "-o", program, HERE / "rival_legacy.cpp",
             "-ldlib", "-lopenblas", "-llapack"])
        if ok:
            rivals.append([program, packs])
        else:
            missing.append(f"legacy pipeline (dlib): does not compile (libdlib-dev, libopenblas-dev): {said}")
    modules = build / "bench" / "rivals"
    modules.mkdir(parents=True, exist_ok=True)
    ok, said = True, ""
    if not (modules / "node_modules" / "@vladmandic").is_dir():
        shutil.copy(HERE.parent / "nn" / "package.json", modules)
        ok, said = attempt(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=modules)
    if ok:
        rivals.append(["node", HERE / "rival_faceapi.mjs", modules, packs])
    else:
        missing.append(f"face-api.js: npm install failed: {said}")
    return rivals, missing


def time_djpeg(photo, eighths):
    """CPU milliseconds of libjpeg-turbo's own program at the same scale; the best of three."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["djpeg", "-scale", f"{eighths}/8", "-outfile", "/dev/null", photo], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
    return best


def run_liken(program, photos, packs, into):
    for line in say([program, "run", *photos], packs):
        path, *numbers = line.split("\t")
        into.setdefault(path, []).append([float(n) for n in numbers])


def run_all(program, rivals, photos, packs):
    """({photo: medians of liken's columns}, {engine: [(median ms, faces) of each photo]})."""
    ours, theirs = {}, {}
    pixels = [photo.with_suffix(".ppm") for photo in photos]
    for number in range(ROUNDS):
        run_liken(program, photos, packs, ours)
        for rival in rivals if number < RIVAL_ROUNDS else []:
            name, *lines = say([*rival, *pixels], packs)
            theirs.setdefault(name, []).append([tuple(float(n) for n in line.split("\t")) for line in lines])
    medians = lambda rounds: [statistics.median(column) for column in zip(*rounds)]
    return ({path: medians(rounds) for path, rounds in ours.items()},
            {name: [medians(photo) for photo in zip(*rounds)] for name, rounds in theirs.items()})


def report_kind(kind, ours, theirs, rows):
    photos = list(ours)
    mean = lambda column: statistics.mean(ours[p][column] for p in photos)
    stages, whole, faces, full = [mean(i) for i in range(6)], mean(6), mean(7), mean(8)
    add = lambda engine, metric, value, unit: rows.append(
        {"case": kind, "engine": engine, "metric": metric, "value": value, "unit": unit,
         "rounds": RIVAL_ROUNDS if engine in theirs else ROUNDS})
    print(f"\n{kind}: {len(photos)} photos, {faces:.1f} faces a photo kept by liken")
    print(f"  {'liken':<46}{whole:>10.1f} ms {1e3 / whole:>8.2f} photos/s a core")
    add("liken", "cpu time a photo", whole, "ms")
    add("liken", "photos a second and core", 1e3 / whole, "1/s")
    add("liken", "faces a photo", faces, "1")
    for name, value in zip(STAGES, stages):
        print(f"    {name:<44}{value:>10.1f} ms {value / sum(stages):>8.0%}")
        add("liken", f"cpu time of {name}", value, "ms")
    for engine, results in theirs.items():
        value = statistics.mean(ms for ms, _ in results) + full
        found = statistics.mean(n for _, n in results)
        print(f"  {engine:<46}{value:>10.1f} ms {1e3 / value:>8.2f} photos/s a core, {found:.1f} faces; liken is {value / whole:.1f}x")
        add(engine, "cpu time a photo", value, "ms")
        add(engine, "faces a photo", found, "1")
        add(engine, "liken is faster by", value / whole, "1")
    report_decode(ours, add)


def report_decode(ours, add):
    if not shutil.which("djpeg"):
        print("  missing: djpeg (libjpeg-turbo-progs)")
        return
    # column of the time, column of the scale (None: 1:1)
    for what, time, scale in (("for the detector", 0, 9), ("again for chips", 2, 10), ("at 1:1", 8, None)):
        done = {p: n for p, n in ours.items() if what != "again for chips" or n[10] > n[9]}
        if not done:
            continue
        mine = statistics.mean(n[time] for n in done.values())
        theirs = statistics.mean(time_djpeg(p, 8 if scale is None else max(1, round(8 * n[scale]))) for p, n in done.items())
        print(f"  decode {what:<18}{mine:>8.1f} ms; djpeg at the same scale {theirs:>8.1f} ms: {mine / theirs:.2f}x ({len(done)} photos)")
        add("liken", f"decode {what}", mine, "ms")
        add("djpeg", f"decode {what}", theirs, "ms")


SANDBOX_SIDES = {"0.06 megapixels": 283, "2 megapixels": 1633, "12 megapixels": 4000}
SANDBOX_ROUNDS = 41


def report_sandbox(program, folder, packs, rows):
    """What it costs to decode in a helper process: CPU time of both processes against that of one, in turn."""
    samples = sorted((packs / "faceapi" / "samples").glob("*.jpg"))[:2]
    print("\nphotos decoded in a helper process (sandbox), CPU time of an add, medians of rounds that take turns:")
    for case, side in SANDBOX_SIDES.items():
        photos = []
        for sample in samples:
            photos.append(folder / f"{sample.stem}-{side}.jpg")
            if not photos[-1].exists():
                say([program, "make", sample, str(side), photos[-1]], packs)
        seen = [tuple(map(float, line.split("\t")[1:])) for line in say([program, "sandbox", str(SANDBOX_ROUNDS), *photos], packs)]
        off, on = (statistics.mean(column) for column in zip(*seen))
        print(f"  {case:<20}{off:>9.2f} ms without, {on:>9.2f} ms with: {on / off:.3f} (target: under 1.03)")
        rows += [{"case": case, "engine": "liken", "metric": metric, "value": value, "unit": unit, "rounds": SANDBOX_ROUNDS}
                 for metric, value, unit in (("cpu time without sandbox", off, "ms"), ("cpu time with sandbox", on, "ms"), ("sandbox, times", on / off, "1"))]


PICTURE_ROUNDS = 9


def report_pictures(program, photos, packs, rows):
    """What the thumbnail costs that is kept of a photo: CPU time beside that of the look at it, and bytes."""
    print("\nthumbnails that are kept, CPU time beside that of the photo, medians:")
    for case, paths in photos.items():
        seen = [tuple(map(float, line.split("\t")[1:])) for line in say([program, "pictures", str(PICTURE_ROUNDS), *paths], packs)]
        looked, kept, size = (statistics.mean(column) for column in zip(*seen))
        print(f"  {case:<20}{kept:>9.2f} ms beside {looked:>9.2f} ms: {100 * kept / looked:.2f} % (target: under 3), "
              f"{size / 1000:.1f} kB (target: under 20)")
        rows += [{"case": case, "engine": "liken", "metric": metric, "value": value, "unit": unit, "rounds": PICTURE_ROUNDS}
                 for metric, value, unit in (("cpu time of a thumbnail", kept, "ms"), ("thumbnail, of an add", 100 * kept / looked, "%"),
                                             ("size of a thumbnail", size, "B"))]


THREADS = {  # case: threads, do faces of several photos share batches, faces of a photo (0: all)
    "one thread": (1, "together", 0),
    "two threads": (2, "together", 0),
    "eight threads, a face a photo, shared batches": (8, "together", 1),
    "eight threads, a face a photo, own batches": (8, "alone", 1),
}


def report_threads(program, photos, packs, rows):
    """Photos a second of wall time, all cases in turn in each round."""
    seen, loads = {case: [] for case in THREADS}, []
    for _ in range(ROUNDS):
        for case, how in THREADS.items():
            loads.append(os.getloadavg()[0])
            said = say([program, "threads", *map(str, how), *photos], packs)[0]
            seen[case].append(tuple(float(n) for n in said.split()))
    load = statistics.median(loads)
    print(f"\nsmall photos, wall time on {os.cpu_count()} cores, load average {load:.1f}:")
    for case, rounds in seen.items():
        rate, cpu, batch = (statistics.median(column) for column in zip(*rounds))
        print(f"  {case:<46}{rate:>8.2f} photos/s, {cpu:>6.1f} ms of CPU a photo, {batch:>4.1f} chips a batch")
        rows += [{"case": case, "engine": "liken", "metric": metric, "value": value, "unit": unit, "rounds": ROUNDS}
                 for metric, value, unit in (("photos a second", rate, "1/s"), ("cpu time a photo", cpu, "ms"), ("chips a batch", batch, "1"))]
    cases = list(THREADS)
    for case, by in ((cases[1], cases[0]), (cases[2], cases[3])):
        ratio = statistics.median(a[0] / b[0] for a, b in zip(seen[case], seen[by]))
        print(f"  {case}: {ratio:.2f} times the photos a second of {by}")
        rows.append({"case": case, "engine": "liken", "metric": f"photos a second, times {by}", "value": ratio, "unit": "1", "rounds": ROUNDS})
    rows.append({"case": "threads", "engine": "liken", "metric": "load average", "value": load, "unit": "1", "rounds": ROUNDS})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, packs = pathlib.Path(sys.argv[1]).resolve(), packs_folder()
    program, folder = build / "bench" / "pipeline" / "bench_pipeline", build / "bench" / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    photos = make_photos(program, folder, packs)
    rivals, missing = find_rivals(build, folder, packs)
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    rows = [{"case": "machine", "cpu": cpu, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "date": now}]
    print(f"{cpu}, {now}, load {os.getloadavg()[0]:.1f}")
    for kind, paths in photos.items():
        ours, theirs = run_all(program, rivals, paths, packs)
        report_kind(kind, ours, theirs, rows)
        own = next(iter(ours.values()))[11]
    print(f"\nmemory of a worker beyond the shared weights: {own:.1f} MB (target: under 64)")
    load = statistics.median(float(say([program, "load"], packs)[0]) for _ in range(ROUNDS))
    print(f"loading the packs, every file verified: {load:.3f} s (target: under 0.5)")
    rows.append({"case": "start", "engine": "liken", "metric": "loading the packs", "value": load, "unit": "s", "rounds": ROUNDS})
    rows.append({"case": "memory", "engine": "liken", "metric": "memory of a worker", "value": own, "unit": "MB", "rounds": 1})
    report_sandbox(program, folder, packs, rows)
    report_pictures(program, photos, packs, rows)
    report_threads(program, photos["small"], packs, rows)
    for text in missing:
        print(f"missing: {text}")
        rows.append({"case": "missing", "engine": text.split(":")[0], "metric": text, "value": None, "unit": "", "rounds": 0})
    path = build / "bench" / "pipeline.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"written: {path}")


main()
