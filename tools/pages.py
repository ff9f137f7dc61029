#!/usr/bin/env python3
"""Bundles the pages of web/ and writes them as a C table of type, tag and bytes, plain and compressed (src/api/pages.h).

    tools/pages.py --source web --output pages_table.c --work FOLDER --mode must|try|without

`must` fails where the bundle cannot be made; `try` (what a build does that was not told) then says why and leaves one page in
its place, which says the same, and tries again at the next build; `without` leaves that page at once and needs no Node.

It is run at every build, and does nothing while no file of web/ has changed. The packages of web/package-lock.json lie in
web/node_modules, where all build folders find them: they are installed once, by whoever comes first. The same files give
the same bytes: names hold a hash of what is in them, and nothing holds a time or a place."""
import argparse
import fcntl
import hashlib
import html
import json
import pathlib
import shutil
import subprocess
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json", ".png": "image/png", ".woff2": "font/woff2"}
STYLE = """:root { color-scheme: light dark; }
body { max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif; }
pre { padding: 1rem; border: 1px solid; border-radius: 0.5rem; overflow-x: auto; }
"""
FOLDERS = ("node_modules", "dist", "test")
PATIENCE = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--fetch-timeout=60000")  # else minutes without a network
COMPRESS = """
const fs = require("fs"), zlib = require("zlib"), c = zlib.constants;
for (const f of JSON.parse(fs.readFileSync(0))) {
  const bytes = fs.readFileSync(f);
  fs.writeFileSync(f + ".gz", zlib.gzipSync(bytes, {level: 9}));
  fs.writeFileSync(f + ".br", zlib.brotliCompressSync(bytes, {params: {[c.BROTLI_PARAM_QUALITY]: 11,
    [c.BROTLI_PARAM_MODE]: c.BROTLI_MODE_TEXT, [c.BROTLI_PARAM_SIZE_HINT]: bytes.length}}));
}
"""


class Failed(Exception):
    """With a sentence."""


def inputs(source):
    return sorted(p for p in source.rglob("*") if p.is_file() and p.relative_to(source).parts[0] not in FOLDERS
                  and not p.name.startswith("."))


def mark_of(source, mode):
    """Another mark, other bytes."""
    h = hashlib.sha256(mode.encode() + pathlib.Path(__file__).read_bytes())
    for path in inputs(source):
        h.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes() + b"\0")
    return h.hexdigest()


def run(argv, cwd, feed=None):
    try:
        done = subprocess.run(argv, cwd=cwd, input=feed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              stdin=None if feed else subprocess.DEVNULL)
    except OSError as error:
        raise Failed(f"{argv[0]} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv[:3])} failed:\n{done.stdout.strip()[-2000:]}")


def check_node(source):
    try:
        version = subprocess.check_output(["node", "--version"], text=True).strip().lstrip("v")
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failed("Node.js is not installed (Debian: apt-get install nodejs npm)") from error
    wanted = json.loads((source / "package.json").read_text())["engines"]["node"].lstrip(">=")
    if [int(n) for n in version.split(".")[:2]] < [int(n) for n in wanted.split(".")]:
        raise Failed(f"Node.js {wanted} or newer is needed; {version} is installed")


def install(source):
    """One build at a time."""
    stamp = source / "node_modules" / ".liken"
    with open(source / "package-lock.json", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *PATIENCE], source)
        stamp.write_text(wanted)


def bundle(source, work):
    """The files of the pages: {name: [plain, gzip, brotli]}."""
    check_node(source)
    work.mkdir(parents=True, exist_ok=True)
    out = work / "dist"
    shutil.rmtree(out, ignore_errors=True)
    install(source)
    run(["node", "node_modules/vite/bin/vite.js", "build", "--outDir", str(out), "--logLevel", "warn"], source)
    found = sorted(p for p in out.rglob("*") if p.is_file())
    run(["node", "-e", COMPRESS], source, json.dumps([str(p) for p in found]))
    return {p.relative_to(out).as_posix(): [pathlib.Path(f"{p}{end}").read_bytes() for end in ("", ".gz", ".br")] for p in found}


def instead(reason):
    """One page that says how to get the others."""
    text = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>liken</title>
<link rel="stylesheet" href="./assets/instead.css">
<h1>liken is running</h1>
<p>This build of it has no pages: {html.escape(reason)}.</p>
<p>To have them, install Node.js 18.20 or newer with npm, then build again:</p>
<pre>apt-get install nodejs npm
meson configure build -Dweb=enabled
ninja -C build</pre>
<p>Everything else works without them: the API is below <code>/v1</code> (docs/openapi.yaml), and <code>liken help</code> lists
what the program does.</p>
</html>
"""
    return {"index.html": [text.encode(), b"", b""], "assets/instead.css": [STYLE.encode(), b"", b""]}


def array(name, data):
    rows = (data[i:i + 24] for i in range(0, len(data), 24))
    return f"static const unsigned char {name}[] = {{\n" + "".join("    " + "".join(f"{b}," for b in row) + "\n" for row in rows) + "};\n"


def table(files, mark):
    text = [f"/* {mark} - written by tools/pages.py from web/ */\n#include \"api/pages.h\"\n\n"]
    rows = []
    for i, (name, codings) in enumerate(sorted(files.items())):
        plain, row = codings[0], []
        for coding, data in zip(("plain", "gzip", "brotli"), codings):
            if data and (coding == "plain" or len(data) < len(plain)):
                text.append(array(f"{coding}_{i}", data))
                row.append(f".{coding} = {{{coding}_{i}, sizeof {coding}_{i}}}")
        row.append(f'.type = "{TYPES[pathlib.PurePath(name).suffix]}"')
        row.append(f'.etag = "{hashlib.sha256(plain).hexdigest()[:24]}"')
        if name.startswith("assets/"):  # whose names change with what is in them
            row.append(".max_age = 31536000, .immutable = true")
        rows.append(f'    {{"{name}", {{{", ".join(row)}}}}},\n')
    return "".join([*text, "\nconst lk_page lk_pages[] = {\n", *rows, f"}};\nconst size_t lk_page_count = {len(rows)};\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("source", "output", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--mode", choices=["must", "try", "without"], required=True)
    args = parser.parse_args()
    source = args.source.resolve()
    mark = mark_of(source, args.mode)
    if args.output.exists() and args.output.read_text()[:80].startswith(f"/* {mark} "):
        return
    try:
        files = instead("it was built with -Dweb=disabled, or without npm") if args.mode == "without" else bundle(source, args.work.resolve())
    except Failed as failed:
        if args.mode == "must":
            sys.exit(f"The pages cannot be bundled: {failed}")
        print(f"liken is built without its pages: {failed}", file=sys.stderr)
        files, mark = instead(str(failed).splitlines()[0].rstrip(":")), "again"
    args.output.write_text(table(files, mark))


if __name__ == "__main__":
    main()
