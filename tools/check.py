#!/usr/bin/env python3
"""Builds and tests everything, stage by stage; prints what failed last and closes with `N passed, N failed, N skipped`.

A stage belongs to a step of the check; the stages of a step run side by side, one more than there are cores since each
waits now and then (--jobs), the longest first; none of them may depend on how busy the machine is. Within a stage
everything goes one after another.

Each command of a stage writes its whole output to BUILD/check/COMMAND.log. A stage is counted test by test where its
runner says so (meson's test log with cmocka's lines in it, pytest's junit file), else as one test by its exit status, 77
meaning skipped with the reason on the last line.

A whole check that ran to its end leaves BUILD/check/last.json: {commit, clean, passed, failed, skipped, seconds, stages:
[{name, seconds, passed, failed, skipped}]}; `clean` says that what was tested is that commit and nothing else. Other runs
leave that file alone and write the same to only.json (--only), address.json, thread.json (--sanitize) or soak.json."""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import shutil
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


def introspect(build, what):
    return json.loads(subprocess.check_output(["meson", "introspect", f"--{what}", build]))


def chosen(name, patterns):
    return any(fnmatch.fnmatch(name, p) for p in patterns)


class Check:
    """What the stages share: folders, the environment of what they run, and the cores they may take."""

    def __init__(self, args):
        self.build = (ROOT / args.build).resolve()
        self.logs = self.build / "check"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.python = self.build / "venv" / "bin" / "python"
        self.cores = os.cpu_count() or 1
        self.jobs = args.jobs or min(self.cores + 1, 4)
        self.each = max(1, self.cores // self.jobs)  # of these a stage takes, where it can be told
        self.env = dict(os.environ, **SANITIZER_ENV, LIKEN_BIN=str(self.build / "liken"))
        self.stages = []
        self.lock = threading.Lock()

    def say(self, text):
        with self.lock:
            print(text, flush=True)

    def step(self, *named):
        """Runs stages side by side: (name, function of the Stage). False when one failed."""
        at_once = min(self.jobs, len(named))
        each, self.each = self.each, max(1, self.cores // at_once)
        stages = [Stage(self, name, work) for name, work in named]
        self.stages += stages
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for done in [pool.submit(stage.run_all) for stage in stages]:
                done.result()
        self.each = each
        return not any(stage.failed for stage in stages)

    def counts(self):
        return tuple(sum(len(getattr(stage, outcome)) for stage in self.stages) for outcome in ("passed", "failed", "skipped"))


class Stage:
    def __init__(self, check, name, work):
        self.check, self.name, self.work = check, name, work
        self.passed, self.failed, self.skipped = [], [], []
        self.env = dict(check.env)  # as it is when the stage is made: the steps before it may have added to it
        self.seconds = 0.0

    def run_all(self):
        self.check.say(f"== {self.name} ...")
        begin = time.monotonic()
        try:
            self.work(self)
        except Exception as error:  # a fault of the stage's own must not pass for success
            self.failed.append((self.name, f"{type(error).__name__}: {error}"))
        self.seconds = time.monotonic() - begin
        self.check.say(f"== {self.name}: {self.seconds:.0f} s, {len(self.passed)} passed, {len(self.failed)} failed, "
                       f"{len(self.skipped)} skipped")

    def add(self, name, outcome, detail=""):
        getattr(self, outcome).append((name, detail))

    def run(self, name, argv, env=None, timeout=3600):
        """Runs one command into its log; returns (status, text)."""
        log = self.check.logs / (re.sub(r"\W+", "-", name).strip("-") + ".log")
        with open(log, "wb") as out:
            try:
                status = subprocess.run([str(a) for a in argv], cwd=ROOT, env=dict(self.env, **(env or {})), stdout=out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout).returncode
            except subprocess.TimeoutExpired:
                status = -1
                out.write(f"\nended after {timeout} s\n".encode())
        return status, log.read_text(errors="replace")

    def command(self, name, argv, env=None, timeout=3600):
        """One test."""
        status, text = self.run(name, argv, env, timeout)
        lines = text.strip().splitlines()
        if status == SKIP:
            self.add(name, "skipped", lines[-1] if lines else "no reason given")
        elif status == 0:
            self.add(name, "passed")
        else:
            self.add(name, "failed", f"exit status {status}\n" + "\n".join(lines[-60:]))
        return status == 0, text

    # ---- meson's tests

    def meson(self, build, patterns=("*",), env=None, scale=3, but=()):
        tests = [t["name"] for t in introspect(build, "tests") if chosen(t["name"], patterns) and t["name"] not in but]
        log = build / "meson-logs" / (re.sub(r"\W+", "-", self.name) + ".json")  # of its own: two may run in one build
        log.unlink(missing_ok=True)
        status, text = self.run(f"{self.name} unit", ["meson", "test", "-C", build, "--no-rebuild", "-t", scale,
                                                      "--num-processes", self.check.each, "--logbase", log.stem, *tests], env)
        failed = len(self.failed)
        if not log.exists():
            self.add(self.name, "failed", text[-4000:])
            return
        for line in log.read_text().splitlines():
            self.meson_program(json.loads(line))
        if status != 0 and len(self.failed) == failed:
            self.add(self.name, "failed", text[-4000:])

    def meson_program(self, entry):
        """One test program: its cmocka tests where it printed them, itself where it did not; and what it left out, which it
        says in lines `SKIPPED: reason`."""
        out = entry.get("stdout") or ""
        label = f"{self.name}: {entry['name'].split(' / ')[-1].strip()}"
        words = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
        left_out = re.findall(r"^SKIPPED: (.*)$", out, re.M)
        for reason in left_out:
            self.add(label, "skipped", reason)
        seen = dict((test, words[word]) for word, test in CMOCKA.findall(out))
        detail = out[-4000:] + (entry.get("stderr") or "")[-4000:]
        for test, outcome in seen.items():
            reason = re.search(rf"^(.*)\n\[ +SKIPPED +\] {re.escape(test)}$", out, re.M)
            self.add(f"{label} {test}", outcome, reason[1] if outcome == "skipped" and reason else detail)
        clean = entry["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
        if not clean and "failed" not in seen.values():
            self.add(label, "failed", f"{entry['result']}\n{detail}")
        elif not seen and not left_out:
            self.add(label, "skipped" if entry["result"] == "SKIP" else "passed", out.strip()[-300:])

    # ---- pytest's

    def pytest(self, paths, env=None, timeout=3600):
        paths = [p for p in paths if (ROOT / p.split("::")[0]).exists()]
        junit = self.check.logs / (re.sub(r"\W+", "-", self.name) + ".xml")
        junit.unlink(missing_ok=True)
        failed = len(self.failed)
        status, text = self.run(self.name, [self.check.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs",
                                            f"--junitxml={junit}", *paths], env, timeout)
        self.junit(self.name, junit, status in (0, 5), text, failed)

    def vitest(self, name, folder, config, env=None, timeout=600):
        """The tests that vitest finds below a folder."""
        junit = self.check.logs / (re.sub(r"\W+", "-", name) + ".xml")
        junit.unlink(missing_ok=True)
        failed = len(self.failed)
        status, text = self.run(name, ["node", "web/node_modules/vitest/vitest.mjs", "run", "--root", folder, "--config", config,
                                       "--reporter=default", "--reporter=junit", f"--outputFile.junit={junit}"], env, timeout)
        self.junit(name, junit, status == 0, text, failed)

    def junit(self, name, path, good, text, failed):
        """The tests of a file of junit's; `failed`: how many had failed before."""
        if not path.exists():
            self.add(name, "failed", text[-4000:])
            return
        for case in ET.parse(path).iter("testcase"):
            self.junit_case(case)
        if not good and len(self.failed) == failed:
            self.add(name, "failed", text[-4000:])

    def junit_case(self, case):
        label = f"{self.name}: {case.get('classname')}.{case.get('name')}"
        bad = [e for e in case if e.tag in ("failure", "error")]
        skipped = [e for e in case if e.tag == "skipped"]
        if bad:
            self.add(label, "failed", (bad[0].text or bad[0].get("message") or "")[-4000:])
        elif skipped:
            self.add(label, "skipped", skipped[0].get("message") or "")
        else:
            self.add(label, "passed")

    # ---- builds

    def compile(self, folder, options=(), env=None, targets=(), tests=("*",), jobs=None):
        """`targets`, else all programs but the tests that are not among `tests`."""
        if not (folder / "build.ninja").exists():
            ok, _ = self.command(f"{self.name}: configure", ["meson", "setup", folder, "-Dwerror=true", *options], env)
            if not ok:
                return False
        if tests != ("*",):
            others = {t["cmd"][0] for t in introspect(folder, "tests") if not chosen(t["name"], tests)}
            programs = [t["filename"][0] for t in introspect(folder, "targets") if t["type"] == "executable"]
            targets = [os.path.relpath(program, folder) for program in programs if program not in others]
        return self.command(f"{self.name}: compile", ["ninja", "-C", folder, f"-j{jobs or self.check.each}", *targets], env)[0]


# ---- what everything else needs

def gcc(s):
    s.compile(s.check.build, jobs=s.check.cores)  # python beside it waits for the network


def python(s):
    venv, requirements = s.check.build / "venv", ROOT / "tests" / "requirements.txt"
    stamp = venv / "requirements.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    s.command("python: environment", [sys.executable, "-m", "venv", "--clear", venv])
    ok, _ = s.command("python: packages", [s.check.python, "-m", "pip", "install", "-q", "-r", requirements])
    if ok:
        stamp.write_text(requirements.read_text())


def models(s):
    """Installs the packs that the tests use; the tests that need one that cannot be had are skipped by themselves."""
    program = s.check.build / "liken"
    s.command("models: default packs", [program, "models", "install"])
    for pack in ("dlib", "reid", "mobilefacenet", "antispoof", "mesh"):
        ok, _ = s.command(f"models: {pack} (optional)", [program, "models", "install", pack])
        if not ok:
            name, detail = s.failed.pop()
            s.add(name, "skipped", f"the pack {pack} could not be had: " + detail.splitlines()[-1])
    status, text = s.run("models: where", [program, "models", "list", "--json"])
    found = [p["path"] for p in json.loads(text) if p.get("path")] if status == 0 else []
    if found:
        s.check.env["LIKEN_MODELS"] = str(pathlib.Path(found[0]).parent)


def prepare(c):
    return c.step(("python", python), ("gcc", gcc)) and c.step(("models", models))


# ---- the stages of the check

DATABASE = [f"tests/api/test_{name}.py" for name in ("legacy_table", "postgres", "cluster", "citus", "roles")]
EMULATED = "kern/nets_emulated"
# dlib, all templates, is not ours to check: leaving it out halves the compilation; nor are the pages compiled
SANITIZED_BUILD = ["-Db_lundef=false", "-Ddlib=disabled", "-Dweb=disabled"]
# The other builds: options and environment. What clang makes is never run: it is asked for its warnings.
BUILDS = {"clang": (["-Doptimization=0", "-Dbench=true", "-Dweb=disabled"], {"CC": "clang", "CXX": "clang++"}),
          "asan": (["-Db_sanitize=address,undefined", *SANITIZED_BUILD], {}),
          "tsan": (["-Db_sanitize=thread", *SANITIZED_BUILD], {})}
# What a quick run under a sanitizer is made of: for addresses what reads bytes from outside, for threads what shares.
QUICK_API = {"asan": ["tests/api/test_raw.py", *(f"tests/api/test_files.py::test_{name}" for name in
                                                 ("odd_files", "bad_files", "bad_files_in_the_legacy_calls"))],
             "tsan": ["tests/api/test_routes.py"]}
QUICK_UNIT = {"asan": ["base/*", "image/*", "nn/weights", "nn/state", "packs/*", "face/*", "index/index", "pg/*", "store/[!c]*",
                       "gallery/[gm]*", "eval/*", "auth/*", "config*", "fetch/*", "jobs/*", "http/*",
                       "api/*", "cli/*", "fuzz/*"],
              "tsan": ["*/threads", "base/queue", "image/formats", "nn/state", "face/microbatch", "face/pipeline", "index/index",
                       "pg/*", "store/*", "gallery/gallery", "api/*", "fetch/*", "http/*", "auth/*"]}


def api(s):
    others = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/api").glob("test_*.py"))
    s.pytest([p for p in others if p not in DATABASE])


def web(s):
    """The pages: types, components, the same bundle twice; and flows in a browser, which leave pictures in BUILD/screens."""
    if not (ROOT / "web" / "node_modules" / ".liken").exists():
        s.add("web", "skipped", "the packages of web/ are not installed, since npm is missing or could not have them: see gcc-compile.log")
        return
    s.command("web: types", ["node", "web/node_modules/typescript/bin/tsc", "-p", "web"])
    s.vitest("web: components", "web", "vitest.config.ts")
    for i in (1, 2):
        s.command(f"web: bundle {i}", ["tools/pages.py", "--source", "web", "--output", s.check.logs / f"pages{i}.c", "--work",
                                       s.check.logs / f"pages{i}", "--mode", "must"])
    s.command("web: two bundles are the same", ["cmp", s.check.logs / "pages1.c", s.check.logs / "pages2.c"])
    chromium = shutil.which("chromium")
    missing = [pack for pack in ("faceapi", "yunet", "reid") if not (pathlib.Path(s.check.env.get("LIKEN_MODELS", "/nonexistent")) / pack).exists()]
    if chromium and not missing:
        s.vitest("web: browser", ".", "web/vitest.browser.config.ts", {"LIKEN_CHROMIUM": chromium, "LIKEN_SCREENS": str(s.check.build / "screens")})
    else:
        s.add("web: browser", "skipped", f"the pack {missing[0]} is not installed" if missing else "Chromium is not installed")


def tidy(s):
    for way in ("rules", "format"):
        s.command(f"tidy: {way}", ["tools/tidy.py", way])


def clang(s):
    s.compile(s.check.build / "clang", *BUILDS["clang"])


def sanitized(name, quick=True):
    """The same tests under a sanitizer."""
    def work(s):
        folder = s.check.build / name
        tests = QUICK_UNIT[name] if quick else ("*",)
        if not s.compile(folder, *BUILDS[name], tests=tests):
            return
        env = {"LIKEN_BIN": str(folder / "liken"), "LIKEN_SANITIZED": name}
        s.meson(folder, tests, env, scale=10)
        s.pytest(QUICK_API[name] if quick else ["tests/api", "tests/cli", "tests/torture"], env, 3600 if quick else 7200)
    return work


# Of the whole check, the longest first.
STAGES = {
    "api": api,
    "asan": sanitized("asan"),
    "unit": lambda s: s.meson(s.check.build, but=(EMULATED,)),
    "tsan": sanitized("tsan"),
    "database": lambda s: s.pytest(DATABASE),
    "accuracy": lambda s: s.pytest(["tests/accuracy"]),
    "emulated": lambda s: s.meson(s.check.build, [EMULATED], scale=3),
    "web": web,
    "cli": lambda s: s.pytest(["tests/cli"]),
    "torture": lambda s: s.pytest(["tests/torture"]),
    "valgrind": lambda s: s.command("valgrind", ["sh", "tests/valgrind.sh", s.check.build]),
    "references": lambda s: s.command("references", ["sh", "tests/reference/check.sh",
                                                     s.check.env.get("LIKEN_MODELS", "/nonexistent")]),
    "clang": clang,
    "tidy": tidy,
    "install": lambda s: s.command("install", ["sh", "tests/install.sh", s.check.build]),
}


# ---- long runs that no check should wait for

def soak(c):
    c.env["LIKEN_SOAK"] = "1"
    unit = c.build / "tests" / "unit"
    larger = {"LIKEN_DATABASE_FACES": "20000", "LIKEN_DATABASE_QUERIES": "1000"}
    for stage in [
            ("index", soak_index),
            ("cluster", lambda s: s.command("shards and the coordinator killed, 20 times each", [unit / "test_store_cluster"],
                                            timeout=7200)),
            ("memory", soak_memory),
            ("search in the database", lambda s: s.meson(c.build, ["gallery/database"], larger, 10)),
            ("torture", lambda s: s.pytest(["tests/torture"], timeout=7200))]:
        c.step(stage)


def soak_memory(s):
    """Every single allocation fails, with every access and leak looked for."""
    asan = s.check.build / "asan"
    if s.compile(asan, *BUILDS["asan"], targets=["tests/unit/test_gallery_memory"]):
        s.command("every allocation fails in turn", [asan / "tests/unit/test_gallery_memory"], timeout=7200)


def soak_index(s):
    """The index: a minute of threads with every access checked, kills, and as many comparisons as its issue asks for."""
    tsan, unit = s.check.build / "tsan", s.check.build / "tests" / "unit"
    if s.compile(tsan, *BUILDS["tsan"], targets=["tests/unit/test_index_threads"]):
        s.command("index: threads for a minute each", [tsan / "tests/unit/test_index_threads"], {"LIKEN_THREADS_SECONDS": "60"})
    s.command("index: kill -9, 200 times", [unit / "test_index_cache"], {"LIKEN_KILLS": "200"})
    s.command("index: 3000 programs", [unit / "test_index_property"], {"LIKEN_PROPERTY_PROGRAMS": "3000"}, timeout=7200)
    for rows, queries, only in [("100000", "10000", None), ("1000000", "1000", "spectrum,flat,drawn")]:
        env = {"LIKEN_EXACT_ROWS": rows, "LIKEN_EXACT_QUERIES": queries, **({"LIKEN_EXACT_ONLY": only} if only else {})}
        _, text = s.command(f"index: {queries} queries on {rows}", [unit / "test_index_exact"], env, timeout=7200)
        s.check.say("\n".join(line for line in text.splitlines() if " queries on " in line))


# ---- what came of it

def tree():
    """(commit, whether the tree is that commit), or (None, False) where there is no git."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    try:
        return git("rev-parse", "HEAD"), git("status", "--porcelain") == ""
    except (OSError, subprocess.CalledProcessError):
        return None, False


def write(c, name, before, seconds):
    passed, failed, skipped = c.counts()
    commit, clean = before
    stages = [{"name": s.name, "seconds": round(s.seconds, 1), "passed": len(s.passed), "failed": len(s.failed),
               "skipped": len(s.skipped)} for s in c.stages]
    report = {"commit": commit, "clean": clean and tree() == before, "passed": passed, "failed": failed, "skipped": skipped,
              "seconds": round(seconds, 1), "stages": stages}
    path = c.logs / name
    new = path.with_suffix(".new")
    new.write_text(json.dumps(report, indent=1) + "\n")
    new.replace(path)
    return path


def report(c, name, before, seconds):
    for s in c.stages:
        for test, reason in s.skipped:
            print(f"skipped  {test}: {' '.join(reason.split())[:300]}")
    for s in c.stages:
        for test, detail in s.failed:
            print(f"\nFAILED   {test}\n{detail.rstrip()}")
    print("\n" + ", ".join(f"{s.name} {s.seconds:.0f} s" for s in c.stages))
    passed, failed, skipped = c.counts()
    print(f"{seconds:.0f} s in all; written to {os.path.relpath(write(c, name, before, seconds))}")
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, help="stages at once (default: one more than there are cores, at most 4)")
    parser.add_argument("--only", metavar="STAGE", action="append", default=[],
                        help=f"this stage alone, and what it needs; more than once for several: {' '.join(STAGES)}")
    parser.add_argument("--sanitize", choices=["address", "thread"], help="the whole check under this sanitizer")
    parser.add_argument("--soak", action="store_true", help="long runs that no check should wait for")
    args = parser.parse_args()
    unknown = [name for name in args.only if name not in STAGES]
    if unknown:
        parser.error(f"There is no stage {', '.join(unknown)}. The stages are: {' '.join(STAGES)}.")
    c, begin, before = Check(args), time.monotonic(), tree()
    if not prepare(c):
        pass  # nothing can be tested without them; they are reported
    elif args.soak:
        soak(c)
    elif args.sanitize:
        c.step((args.sanitize, sanitized("asan" if args.sanitize == "address" else "tsan", quick=False)))
    else:
        c.step(*((name, work) for name, work in STAGES.items() if not args.only or name in args.only))
    name = "soak" if args.soak else args.sanitize or ("only" if args.only else "last")
    return report(c, f"{name}.json", before, time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
