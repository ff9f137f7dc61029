#!/usr/bin/env python3
"""The network benchmark: the same network, weights and input size in liken and its rivals, one thread, CPU time an image.

usage: run.py BUILD        (a build folder configured with -Dbench=true; packs in $LIKEN_MODELS)

Five interleaved rounds: in each, every engine runs every case once, in a process of its own, so that a slow minute of the
machine hits all alike; at its end liken runs on one thread and on two. Before, every engine's outputs for one photo are
compared with liken's: that is how we know that they compute the same. Rivals are installed under BUILD/bench/rivals when
missing; one that cannot be had is named. Prints a table and writes BUILD/bench/nn.json.
"""
import array
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

ROUNDS = 5
HERE = pathlib.Path(__file__).resolve().parent
GMAC = {"descriptor": 0.2709, "yunet": 0.542, "ssd": 3.143, "landmarks": 0.0516}
CASES = [("descriptor", 1), ("descriptor", 8), ("descriptor", 32), ("yunet", 1), ("ssd", 1), ("landmarks", 1), ("landmarks", 8)]
THREADED = "descriptor"


def packs_folder():
    home = os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))
    return pathlib.Path(os.environ.get("LIKEN_MODELS", os.path.join(home, "liken", "models"))).resolve()


def attempt(command, **more):
    """Runs an installation step; what it says is kept for when it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, done.stdout.strip()[-300:]


def is_current(program, source):
    return program.exists() and program.stat().st_mtime > source.stat().st_mtime


class Rivals:
    """What is there to compare with, and how each is called for a case; None: it does not run that network."""

    def __init__(self, build, packs):
        self.build, self.packs = build, packs
        self.folder = build / "bench" / "rivals"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.missing = []
        self.engines = [self.liken]
        if self.npm():
            self.engines += [self.onnx, self.tfjs]
        if self.compile_dlib():
            self.engines.append(self.dlib)
        if self.compile_dnnl():
            self.engines.append(self.dnnl)

    def npm(self):
        if (self.folder / "node_modules" / "onnxruntime-node").is_dir():
            return True
        shutil.copy(HERE / "package.json", self.folder)
        # the scripts of onnxruntime-node would fetch GPU libraries
        ok, said = attempt(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=self.folder)
        if not ok:
            self.missing += [f"ONNX Runtime, tensorflow.js: npm install failed: {said}"]
        return ok

    def compile_dlib(self):
        source, program = HERE / "rival_dlib.cpp", self.folder / "rival_dlib"
        if not (self.packs / "dlib").is_dir():
            self.missing += ["dlib: the pack \"dlib\" is not installed"]
            return False
        if is_current(program, source):
            return True
        ok, said = attempt(["g++", "-O3", "-march=native", "-o", program, source, "-ldlib", "-lopenblas", "-llapack"])
        if not ok:
            self.missing += [f"dlib: does not compile (libdlib-dev, libopenblas-dev, liblapack-dev): {said}"]
        return ok

    def compile_dnnl(self):
        source, program = HERE / "rival_dnnl.cpp", self.folder / "rival_dnnl"
        if is_current(program, source):
            return True
        ok, said = attempt(["g++", "-O2", "-o", program, source, "-ldnnl"])
        if not ok:
            self.missing += [f"oneDNN: does not compile (libdnnl-dev): {said}"]
        return ok

    def liken(self, network, batch):
        return [self.build / "bench" / "nn" / "bench_nn", network, str(batch)]

    def onnx(self, network, batch):
        if network not in ("descriptor", "ssd", "yunet"):
            return None
        model = self.packs / "yunet" / "yunet_n_640_640.onnx"
        if network != "yunet":
            model = self.folder / f"{network}.onnx"
            if not model.exists():
                subprocess.run(["node", HERE / "onnx.mjs", self.packs, network, model], check=True)
        return ["node", HERE / "rival_onnx.mjs", self.folder, model, network, str(batch)]

    def tfjs(self, network, batch):
        if network not in ("descriptor", "ssd"):
            return None
        return ["node", HERE / "rival_tfjs.mjs", self.folder, self.packs, network, str(batch)]

    def dlib(self, network, batch):
        if network != "descriptor":
            return None
        weights = self.packs / "dlib" / "dlib_face_recognition_resnet_model_v1.dat"
        return [self.folder / "rival_dlib", weights, str(batch)]

    def dnnl(self, network, batch):
        return [self.folder / "rival_dnnl", network, str(batch)] if network in ("descriptor", "ssd") else None


def call(command, packs):
    """What a program writes, as bytes."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LIKEN_MODELS": str(packs)}
    done = subprocess.run(command, env={**os.environ, **one_thread}, capture_output=True)
    if done.returncode != 0 or not done.stdout:
        sys.exit(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[-400:]}")
    return done.stdout


def measure(command, packs):
    """(engine, milliseconds an image, MB of a state or None)."""
    line = [line for line in call(command, packs).decode().splitlines() if "\t" in line][-1].split("\t")
    return line[0], float(line[1]), float(line[2]) if len(line) > 2 else None


def compare_outputs(rivals, packs):
    """[(network, engine, largest difference from liken's outputs as a part of the largest of them)]."""
    differences = []
    for network in ("descriptor", "ssd", "yunet"):
        for engine in (rivals.onnx, rivals.tfjs, rivals.dlib):
            command = engine(network, "outputs") if engine in rivals.engines else None
            if command is None:
                continue
            ours = "dlib" if engine == rivals.dlib else network  # dlib has its own weights; liken takes them too
            values = [array.array("f", call(c, packs)) for c in (rivals.liken(ours, "outputs"), command)]
            if len(values[0]) != len(values[1]):
                sys.exit(f"{engine.__name__} gives {len(values[1])} outputs of {network} where liken gives {len(values[0])}")
            apart = max(abs(a - b) for a, b in zip(*values)) / max(map(abs, values[0]))
            if not apart < 1e-3:
                sys.exit(f"{engine.__name__} computes another {network} than liken: outputs differ by {apart:.1e} of the largest")
            differences.append((network, engine.__name__, apart))
    return differences


def measure_threads(rivals, packs):
    """(images a second on one thread, on two, load average before)."""
    load = os.getloadavg()[0]
    one, two = call(rivals.liken(THREADED, "threads"), packs).split()
    return float(one), float(two), load


def machine(peak):
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), platform.processor())
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()
    return {"case": "machine", "cpu": model, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "system": platform.platform(),
            "compiler": compiler[0] if compiler else "", "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "peak_gflops": peak}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, packs = pathlib.Path(sys.argv[1]).resolve(), packs_folder()
    if not (packs / "faceapi").is_dir() or not (packs / "yunet").is_dir():
        sys.exit(f"{packs} has no packs faceapi and yunet: install them (liken models install) or set LIKEN_MODELS")
    rivals = Rivals(build, packs)
    peak = measure([build / "bench" / "nn" / "bench_nn", "peak"], packs)[1]
    differences = compare_outputs(rivals, packs)
    times, memory, threads = {}, {}, []
    for round_number in range(ROUNDS):
        print(f"round {round_number + 1} of {ROUNDS}", file=sys.stderr)
        for network, batch in CASES:
            for engine in rivals.engines:
                command = engine(network, batch)
                if command is None:
                    continue
                name, ms, megabytes = measure(command, packs)
                times.setdefault((network, batch), {}).setdefault(name, []).append(ms)
                if megabytes is not None:
                    memory[network, batch] = megabytes
        threads.append(measure_threads(rivals, packs))
    report(build, rivals, peak, times, memory, differences, threads)


def report_differences(differences, rows):
    print("\nlargest difference of one photo's outputs from liken's, as a part of the largest output (oneDNN runs convolutions alone):")
    for network, engine, apart in differences:
        print(f"  {network:<12}{engine:<8}{apart:.1e}")
        rows.append({"case": f"outputs of {network}", "engine": engine, "metric": "largest difference from liken, of the largest output",
                     "value": apart, "unit": "1", "rounds": 1})


def report_threads(threads, rows):
    ratios = [two / one for one, two, _ in threads]
    print(f"\n{THREADED}, batch 8, images a second of wall time (means something on an idle machine only):")
    for one, two, load in threads:
        print(f"  one thread {one:.0f}, two {two:.0f}: {two / one:.2f}x, load average {load:.1f}")
    common = {"case": f"{THREADED}, batch 8, threads", "engine": "liken", "rounds": len(threads)}
    rows += [{**common, "metric": "images a second, 1 thread, median", "value": statistics.median(t[0] for t in threads), "unit": "1/s"},
             {**common, "metric": "images a second, 2 threads, median", "value": statistics.median(t[1] for t in threads), "unit": "1/s"},
             {**common, "metric": "two threads over one, median", "value": statistics.median(ratios), "unit": "1"},
             {**common, "metric": "load average, largest", "value": max(t[2] for t in threads), "unit": "1"}]


def report(build, rivals, peak, times, memory, differences, threads):
    about = machine(peak)
    rows = [about]
    print(f"\n{about['cpu']}, {about['compiler']}, {about['date']}, load {about['load']:.1f}; FMA peak of a core {peak:.1f} GFLOP/s")
    print(f"{'case':<22}{'engine':<28}{'min ms':>9}{'median':>9}{'GFLOP/s':>9}{'of peak':>9}{'liken is':>10}{'state MB':>10}")
    for (network, batch), engines in times.items():
        ours = next(statistics.median(v) for k, v in engines.items() if k.startswith("liken"))
        for name, values in engines.items():
            median, best = statistics.median(values), min(values)
            rate = 2 * GMAC[network] / median * 1e3
            case = f"{network}, batch {batch}"
            extra = f"{memory[network, batch]:>10.1f}" if name.startswith("liken") else ""
            print(f"{case:<22}{name:<28}{best:>9.3f}{median:>9.3f}{rate:>9.1f}{rate / peak:>9.0%}{median / ours:>9.2f}x{extra}")
            common = {"case": case, "engine": name, "rounds": len(values)}
            rows += [{**common, "metric": "cpu time an image, median", "value": median, "unit": "ms"},
                     {**common, "metric": "cpu time an image, minimum", "value": best, "unit": "ms"},
                     {**common, "metric": "arithmetic", "value": rate, "unit": "GFLOP/s"},
                     {**common, "metric": "share of FMA peak", "value": rate / peak, "unit": "1"}]
            if extra:
                rows.append({**common, "metric": "memory of a state", "value": memory[network, batch], "unit": "MB"})
    report_differences(differences, rows)
    report_threads(threads, rows)
    for text in rivals.missing:
        print(f"missing: {text}")
        rows.append({"case": "missing", "engine": text.split(":")[0], "metric": text, "value": None, "unit": "", "rounds": 0})
    path = build / "bench" / "nn.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"written: {path}")


main()
