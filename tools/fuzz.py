#!/usr/bin/env python3
"""Builds every fuzz target with all of liken instrumented (clang, libFuzzer, address and undefined), runs each for some
minutes, several at once, and tells what was covered and what was found.

The committed seeds are read, never written; what libFuzzer adds goes to BUILD/work/TARGET and is there at the next run.
Exit status 1 when anything was found; the bytes that did it lie in BUILD/found/TARGET, with the command that repeats it."""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS, DICTIONARIES = ROOT / "fuzz" / "corpus", ROOT / "fuzz" / "dictionary"
OPTIONS = ["-Dfuzzer=true", "-Db_lundef=false", "-Ddlib=disabled", "-Dweb=disabled", "-Dwerror=true"]  # dlib is not ours to check
FEWEST = 30  # places covered: a target below sees nothing of the library
SECONDS, MEGABYTES = 40, 2048  # what one input may take, on a machine with other things to do
MINIMAL_BYTES, MINIMAL_FILES, MINIMAL_LARGEST = 12000, 50, 2048  # of a committed corpus beside its named seeds
ENV = {"ASAN_OPTIONS": "allocator_may_return_null=1:detect_stack_use_after_return=0",
       "UBSAN_OPTIONS": "print_stacktrace=1",
       "LSAN_OPTIONS": f"suppressions={ROOT}/tools/lsan.supp:print_suppressions=0"}


def spread(paths):
    """Of files by size, as many as may be committed, evenly from small to large."""
    count = min(len(paths), MINIMAL_FILES)
    while count > 0:
        kept = [paths[i * len(paths) // count] for i in range(count)]
        if sum(p.stat().st_size for p in kept) <= MINIMAL_BYTES:
            return kept
        count -= 1
    return []


class Fuzz:
    def __init__(self, args):
        self.build, self.minutes = (ROOT / args.build).resolve(), args.minutes
        self.env = dict(os.environ, **ENV)
        self.running, self.lock, self.stopped = set(), threading.Lock(), False
        for folder in ("work", "found", "logs"):
            (self.build / folder).mkdir(parents=True, exist_ok=True)

    def compile(self, patterns):
        """Builds what is asked for; returns its names."""
        if not (self.build / "build.ninja").exists():
            env = dict(os.environ, CC=os.environ.get("CC", "clang"), CXX=os.environ.get("CXX", "clang++"))
            subprocess.run(["meson", "setup", self.build, *OPTIONS], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "--quiet", "-C", self.build, "build.ninja"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        listed = subprocess.check_output(["ninja", "-C", self.build, "-t", "targets", "all"], text=True)
        names = sorted(set(re.findall(r"^fuzz/libfuzzer_(\w+):", listed, re.M)))
        names = [n for n in names if not patterns or any(fnmatch.fnmatch(n, p) for p in patterns)]
        if not names:
            sys.exit(f"No target fits {' '.join(patterns)}.")
        subprocess.run(["ninja", "--quiet", "-j2", "-C", self.build, *(f"fuzz/libfuzzer_{n}" for n in names)], cwd=ROOT, check=True)
        return names

    def program(self, name):
        return self.build / "fuzz" / f"libfuzzer_{name}"

    def start(self, argv, log):
        """Runs one program to its end, unless everything is being stopped; returns its exit status."""
        with self.lock:
            if self.stopped:
                return 0
            child = subprocess.Popen([str(a) for a in argv], cwd=self.build, env=self.env, stdout=log, stderr=subprocess.STDOUT,
                                     stdin=subprocess.DEVNULL)
            self.running.add(child)
        status = child.wait()
        with self.lock:
            self.running.discard(child)
        return status

    def stop(self):
        """libFuzzer ends by itself, with its figures, when it is interrupted."""
        with self.lock:
            self.stopped = True
            for child in self.running:
                child.send_signal(signal.SIGINT)

    def fuzz(self, name):
        """One target for its minutes. Returns what is to be said, and whether something was found."""
        work, found = self.build / "work" / name, self.build / "found" / name
        for folder in (work, found):
            folder.mkdir(exist_ok=True)
        before = set(found.iterdir())
        dictionary = DICTIONARIES / f"{name}.dict"
        argv = [self.program(name), f"-max_total_time={max(1, round(self.minutes * 60))}", f"-timeout={SECONDS}",
                f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1", f"-artifact_prefix={found}/",
                *([f"-dict={dictionary}"] if dictionary.exists() else []), work, CORPUS / name]
        log = self.build / "logs" / f"{name}.log"
        with open(log, "wb") as out:
            status = self.start(argv, out)
        return self.tell(name, status, log.read_text(errors="replace"), sorted(set(found.iterdir()) - before))

    def tell(self, name, status, text, artifacts):
        def figure(pattern):
            hits = re.findall(pattern, text)
            return int(hits[-1]) if hits else 0

        covered, size = figure(r"\bcov: (\d+)"), figure(r"\bcorp: (\d+)")
        runs, rate = (figure(rf"stat::{word}: *(\d+)") for word in ("number_of_executed_units", "average_exec_per_sec"))
        lines = [f"{name:18} {runs:10} runs {rate:7}/s  coverage {covered:6}  corpus {size:5}"]
        wrong = status != 0 and not self.stopped
        for path in artifacts:
            slow = path.name.startswith("slow-unit")
            lines.append(f"    {'slow: ' if slow else 'FOUND: '}{self.program(name)} {path}")
        if wrong:
            told = re.findall(r"^(?:SUMMARY|==\d+== ?ERROR|.*runtime error):? ?.*$", text, re.M)
            lines.append(f"    ended with {status}: {told[0] if told else 'see'} ({self.build}/logs/{name}.log)")
        elif covered < FEWEST and not self.stopped:
            lines.append(f"    covers almost nothing: is the library instrumented? ({self.build}/logs/{name}.log)")
            wrong = True
        return "\n".join(lines), wrong

    def minimise(self, name):
        """Replaces what libFuzzer gave the committed corpus by the smallest inputs that cover what it and BUILD/work cover."""
        committed, work = CORPUS / name, self.build / "work" / name
        work.mkdir(exist_ok=True)
        made = [p for p in committed.iterdir() if re.fullmatch(r"[0-9a-f]{40}", p.name)]
        with tempfile.TemporaryDirectory(dir=self.build) as folder, open(self.build / "logs" / f"{name}.merge.log", "wb") as log:
            for seed in set(committed.iterdir()) - set(made):
                shutil.copy(seed, folder)
            status = self.start([self.program(name), "-merge=1", f"-max_len={MINIMAL_LARGEST}", f"-timeout={SECONDS}",
                                 f"-rss_limit_mb={MEGABYTES}", folder, committed, work], log)
            if status != 0:
                return f"{name}: merging ended with {status} ({log.name})", True
            added = [p for p in pathlib.Path(folder).iterdir() if re.fullmatch(r"[0-9a-f]{40}", p.name)]
            kept = spread(sorted(added, key=lambda p: p.stat().st_size))
            for path in made:
                path.unlink()
            for path in kept:
                shutil.copy(path, committed)
        return f"{name:18} {len(kept):4} files, {sum(p.stat().st_size for p in committed.iterdir()):6} bytes with the named seeds", False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/fuzz")
    parser.add_argument("--minutes", type=float, default=1, help="for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once")
    parser.add_argument("--minimise", action="store_true", help="instead: the committed corpus from what was found before")
    parser.add_argument("targets", nargs="*", help="patterns like 'image_*'; all when none is given")
    args = parser.parse_args()
    fuzz = Fuzz(args)
    names = fuzz.compile(args.targets)
    work, failed = fuzz.minimise if args.minimise else fuzz.fuzz, 0
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        try:
            for future in concurrent.futures.as_completed([pool.submit(work, n) for n in names]):
                said, wrong = future.result()
                failed += wrong
                print(said, flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            fuzz.stop()
    print(f"{len(names)} targets, {failed} with something found", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
