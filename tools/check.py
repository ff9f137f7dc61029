#!/usr/bin/env python3
"""Builds and tests everything, stage by stage; prints what failed last and closes with `N passed, N failed, N skipped`.

Each stage writes its whole output to BUILD/check/STAGE.log. A stage is counted test by test where its runner says
so (meson's test log with cmocka's lines in it, pytest's junit file), else as one test by its exit status, 77 meaning
skipped with the reason on the last line."""
import argparse
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIP = 77
CMOCKA = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (\S+(?: \(emulated\))?)$", re.M)
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tools/lsan.supp:print_suppressions=0",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tools/tsan.supp:halt_on_error=1:ignore_noninstrumented_modules=1",
}


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def add(self, name, outcome, detail=""):
        getattr(self, outcome).append((name, detail))


class Check:
    def __init__(self, args):
        self.build = (ROOT / args.build).resolve()
        self.logs = self.build / "check"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.tally = Tally()
        self.env = dict(os.environ, **SANITIZER_ENV)

    def run(self, name, argv, env=None, timeout=1500):
        """Runs one command into its log; returns (status, text, seconds)."""
        print(f"== {name} ...", end="", flush=True)
        log, begin = self.logs / (re.sub(r"\W+", "-", name) + ".log"), time.monotonic()
        with open(log, "wb") as out:
            try:
                status = subprocess.run([str(a) for a in argv], cwd=ROOT, env=dict(self.env, **(env or {})), stdout=out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout).returncode
            except subprocess.TimeoutExpired:
                status = -1
                out.write(f"\nended after {timeout} s\n".encode())
        seconds = time.monotonic() - begin
        return status, log.read_text(errors="replace"), seconds

    def say(self, before, seconds):
        t = self.tally
        now = (len(t.passed), len(t.failed), len(t.skipped))
        passed, failed, skipped = (n - b for n, b in zip(now, before))
        print(f" {seconds:.0f} s: {passed} passed, {failed} failed, {skipped} skipped", flush=True)

    def counts(self):
        return len(self.tally.passed), len(self.tally.failed), len(self.tally.skipped)

    def aside(self, name, argv, judge=None):
        """Starts a stage that needs one core only, one test where there is no `judge`; the caller calls what is returned to
        wait for it."""
        log = self.logs / (re.sub(r"\W+", "-", name) + ".log")
        with open(log, "wb") as out:
            child = subprocess.Popen([str(a) for a in argv], cwd=ROOT, env=self.env, stdout=out, stderr=subprocess.STDOUT,
                                     stdin=subprocess.DEVNULL)

        def wait():
            print(f"== {name} (begun before) ...", end="", flush=True)
            before, begin, status = self.counts(), time.monotonic(), child.wait()
            (judge or self.judge)(name, status, log.read_text(errors="replace"))
            self.say(before, time.monotonic() - begin)
        return wait

    def meson_aside(self, name, build, test):
        """The same for a test program that takes much longer than the others."""
        log = build / "meson-logs" / "aside.json"
        log.unlink(missing_ok=True)
        return self.aside(name, ["meson", "test", "-C", build, "--no-rebuild", "-t", "3", "--logbase", log.stem, test],
                          lambda name, status, text: self.meson_judge(name, log, status, text))

    def command(self, name, argv, env=None, timeout=1500):
        """A stage that is one test."""
        before = self.counts()
        status, text, seconds = self.run(name, argv, env, timeout)
        self.judge(name, status, text)
        self.say(before, seconds)
        return status == 0, text

    def judge(self, name, status, text):
        lines = text.strip().splitlines()
        if status == SKIP:
            self.tally.add(name, "skipped", lines[-1] if lines else "no reason given")
        elif status == 0:
            self.tally.add(name, "passed")
        else:
            self.tally.add(name, "failed", f"exit status {status}\n" + "\n".join(lines[-60:]))

    def meson(self, name, build, env=None, patterns=("*",), scale=1, but=()):
        before = self.counts()
        listed = json.loads(subprocess.check_output(["meson", "introspect", "--tests", build]))
        tests = [t["name"] for t in listed if any(fnmatch.fnmatch(t["name"], p) for p in patterns) and t["name"] not in but]
        argv = ["meson", "test", "-C", build, "--no-rebuild", "-t", scale, *tests]
        log = build / "meson-logs" / "testlog.json"
        log.unlink(missing_ok=True)
        status, text, seconds = self.run(name, argv, env)
        self.meson_judge(name, log, status, text)
        self.say(before, seconds)

    def meson_judge(self, name, log, status, text):
        failed = len(self.tally.failed)
        if not log.exists():
            self.tally.add(name, "failed", text[-4000:])
            return
        for line in log.read_text().splitlines():
            self.meson_program(name, json.loads(line))
        if status != 0 and len(self.tally.failed) == failed:
            self.tally.add(name, "failed", text[-4000:])

    def meson_program(self, stage, entry):
        """One test program: its cmocka tests where it printed them, itself where it did not; and what it left out, which it
        says in lines `SKIPPED: reason`."""
        out = entry.get("stdout") or ""
        label = f"{stage}: {entry['name'].split(' / ')[-1].strip()}"
        words = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
        left_out = re.findall(r"^SKIPPED: (.*)$", out, re.M)
        for reason in left_out:
            self.tally.add(label, "skipped", reason)
        seen = dict((test, words[word]) for word, test in CMOCKA.findall(out))
        detail = out[-4000:] + (entry.get("stderr") or "")[-4000:]
        for test, outcome in seen.items():
            reason = re.search(rf"^(.*)\n\[ +SKIPPED +\] {re.escape(test)}$", out, re.M)
            self.tally.add(f"{label} {test}", outcome, reason[1] if outcome == "skipped" and reason else detail)
        clean = entry["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
        if not clean and "failed" not in seen.values():
            self.tally.add(label, "failed", f"{entry['result']}\n{detail}")
        elif not seen and not left_out:
            self.tally.add(label, "skipped" if entry["result"] == "SKIP" else "passed", out.strip()[-300:])

    def pytest(self, name, paths, env=None, timeout=1500):
        paths = [p for p in paths if (ROOT / p.split("::")[0]).exists()]
        before = self.counts()
        junit = self.logs / (re.sub(r"\W+", "-", name) + ".xml")
        junit.unlink(missing_ok=True)
        status, text, seconds = self.run(name, [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs",
                                                f"--junitxml={junit}", *paths], env, timeout)
        if not junit.exists():
            self.tally.add(name, "failed", text[-4000:])
        else:
            for case in ET.parse(junit).iter("testcase"):
                self.pytest_case(name, case)
            if status not in (0, 5) and self.counts()[1] == before[1]:
                self.tally.add(name, "failed", text[-4000:])
        self.say(before, seconds)

    def pytest_case(self, stage, case):
        label = f"{stage}: {case.get('classname')}.{case.get('name')}"
        bad = [e for e in case if e.tag in ("failure", "error")]
        skipped = [e for e in case if e.tag == "skipped"]
        if bad:
            self.tally.add(label, "failed", (bad[0].text or bad[0].get("message") or "")[-4000:])
        elif skipped:
            self.tally.add(label, "skipped", skipped[0].get("message") or "")
        else:
            self.tally.add(label, "passed")

    # ---- stages

    def compile_ahead(self, builds):
        """On a core that tests leave idle. Nothing is counted: the stages that compile find it done, or fail as it did."""
        def work():
            with open(self.logs / "ahead.log", "wb") as out:
                for name, (options, env) in builds.items():
                    for argv in (["meson", "setup", self.build / name, "-Dwerror=true", *options], ["ninja", "-j1", "-C", self.build / name]):
                        if argv[0] == "ninja" or not (self.build / name / "build.ninja").exists():
                            subprocess.run(["nice", *map(str, argv)], cwd=ROOT, env=dict(self.env, **env), stdout=out,
                                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread.join

    def compile(self, name, folder, options=(), env=None, targets=()):
        if not (folder / "build.ninja").exists():
            ok, _ = self.command(f"{name}: configure", ["meson", "setup", folder, "-Dwerror=true", *options], env)
            if not ok:
                return False
        return self.command(f"{name}: compile", ["ninja", "-C", folder, *targets], env)[0]

    def venv(self):
        venv = self.build / "venv"
        self.python = venv / "bin" / "python"
        requirements = ROOT / "tests" / "requirements.txt"
        stamp = venv / "requirements.txt"
        if stamp.exists() and stamp.read_text() == requirements.read_text():
            return
        self.command("python: environment", [sys.executable, "-m", "venv", "--clear", venv])
        ok, _ = self.command("python: packages", [self.python, "-m", "pip", "install", "-q", "-r", requirements])
        if ok:
            stamp.write_text(requirements.read_text())

    def models(self):
        """Installs the packs that the tests use; the tests that need one that cannot be had are skipped by themselves."""
        program = self.build / "liken"
        self.command("models: default packs", [program, "models", "install"])
        ok, _ = self.command("models: dlib (optional)", [program, "models", "install", "dlib"])
        if not ok:
            name, detail = self.tally.failed.pop()
            self.tally.add(name, "skipped", "the dlib pack could not be had: " + detail.splitlines()[-1])
        status, text, _ = self.run("models: where", [program, "models", "list", "--json"])
        print(flush=True)
        if status == 0:
            found = [p["path"] for p in json.loads(text) if p.get("path")]
            if found:
                self.env["LIKEN_MODELS"] = str(pathlib.Path(found[0]).parent)

    def report(self):
        t = self.tally
        for name, reason in t.skipped:
            print(f"skipped  {name}: {' '.join(reason.split())[:300]}")
        for name, detail in t.failed:
            print(f"\nFAILED   {name}\n{detail.rstrip()}")
        passed, failed, skipped = self.counts()
        print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
        return 1 if failed or not passed else 0


def plain(c):
    """The whole check with the ordinary build."""
    if not c.compile("gcc", c.build):
        return
    c.venv()
    c.models()
    c.env["LIKEN_BIN"] = str(c.build / "liken")
    emulated = c.meson_aside("unit, emulated", c.build, "kern/emulated")
    c.meson("unit", c.build, but=("kern/emulated",))
    valgrind = c.aside("valgrind", ["sh", "tests/valgrind.sh", c.build])
    references = c.aside("references", ["sh", "tests/reference/check.sh", c.env.get("LIKEN_MODELS", "/nonexistent")])
    c.pytest("api", ["tests/api"])
    for wait in (emulated, valgrind, references):
        wait()
    ahead = c.compile_ahead(BUILDS)
    c.pytest("cli", ["tests/cli"])
    c.pytest("accuracy", ["tests/accuracy"])
    c.pytest("torture", ["tests/torture"])
    c.command("install", ["sh", "tests/install.sh", c.build])
    ahead()
    c.compile("clang", c.build / "clang", *BUILDS["clang"])
    sanitized(c, "asan", quick=True)
    sanitized(c, "tsan", quick=True)


# What a quick run under a sanitizer is made of: for addresses what reads bytes from outside, for threads what shares.
QUICK_API = {"asan": ["tests/api/test_raw.py", *(f"tests/api/test_files.py::test_{name}" for name in
                                                 ("odd_files", "bad_files", "bad_files_in_the_seed_s_calls"))],
             "tsan": ["tests/api/test_routes.py"]}
QUICK_UNIT = {"asan": ["base/*", "image/*", "nn/weights", "nn/state", "face/*", "index/index", "store/[!c]*",
                       "gallery/[gm]*", "auth/*", "config*", "http/*", "api/*", "cli/*", "fuzz/*"],
              "tsan": ["*/threads", "base/queue", "image/formats", "nn/state", "face/microbatch", "face/pipeline", "index/index",
                       "store/*", "gallery/gallery", "api/*", "http/*", "auth/*"]}


# dlib, all templates, is not ours to check: leaving it out halves the compilation
SANITIZED_BUILD = ["-Db_lundef=false", "-Ddlib=disabled"]
# The other builds: options and environment.
BUILDS = {"clang": ([], {"CC": "clang", "CXX": "clang++"}),
          "asan": (["-Db_sanitize=address,undefined", *SANITIZED_BUILD], {}),
          "tsan": (["-Db_sanitize=thread", *SANITIZED_BUILD], {})}


def sanitized(c, name, quick):
    """The same tests under a sanitizer."""
    folder = c.build / name
    if not c.compile(name, folder, *BUILDS[name]):
        return
    env = {"LIKEN_BIN": str(folder / "liken"), "LIKEN_SANITIZED": name}
    c.meson(f"{name} unit", folder, env, QUICK_UNIT[name] if quick else ["*"], scale=10)
    c.pytest(f"{name} api", QUICK_API[name] if quick else ["tests/api"], env)
    if not quick:
        c.pytest(f"{name} cli", ["tests/cli"], env)
        c.pytest(f"{name} torture", ["tests/torture"], env)


def soak(c):
    """Long runs that no check should wait for."""
    if not c.compile("gcc", c.build):
        return
    c.venv()
    c.models()
    soak_index(c)
    c.env.update(LIKEN_BIN=str(c.build / "liken"), LIKEN_SOAK="1")
    c.command("cluster: shards and the coordinator killed, 20 times each", [c.build / "tests/unit/test_store_cluster"], timeout=7200)
    c.meson("search in the database", c.build, {"LIKEN_NEAR_FACES": "20000", "LIKEN_NEAR_QUERIES": "1000"}, ["gallery/near"], 10)
    c.pytest("torture", ["tests/torture"], timeout=7200)


def soak_index(c):
    """The index: a minute of threads with every access checked, kills, and as many comparisons as its issue asks for."""
    tsan, unit = c.build / "tsan", c.build / "tests" / "unit"
    if c.compile("tsan", tsan, ["-Db_sanitize=thread", *SANITIZED_BUILD], targets=["tests/unit/test_index_threads"]):
        c.command("index: threads for a minute each", [tsan / "tests/unit/test_index_threads"], {"LIKEN_THREADS_SECONDS": "60"})
    c.command("index: kill -9, 200 times", [unit / "test_index_cache"], {"LIKEN_KILLS": "200"})
    c.command("index: 3000 programs", [unit / "test_index_property"], {"LIKEN_PROPERTY_PROGRAMS": "3000"}, timeout=7200)
    for rows, queries, only in [("100000", "10000", None), ("1000000", "1000", "spectrum,flat,drawn")]:
        env = {"LIKEN_EXACT_ROWS": rows, "LIKEN_EXACT_QUERIES": queries, **({"LIKEN_EXACT_ONLY": only} if only else {})}
        _, text = c.command(f"index: {queries} queries on {rows}", [unit / "test_index_exact"], env, timeout=7200)
        print("\n".join(line for line in text.splitlines() if " queries on " in line), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--sanitize", choices=["address", "thread"], help="the whole check under this sanitizer")
    parser.add_argument("--soak", action="store_true")
    args = parser.parse_args()
    c = Check(args)
    if args.soak:
        soak(c)
    elif args.sanitize:
        if c.compile("gcc", c.build):
            c.venv()
            c.models()
            sanitized(c, "asan" if args.sanitize == "address" else "tsan", quick=False)
    else:
        plain(c)
    return c.report()


if __name__ == "__main__":
    sys.exit(main())
