#!/usr/bin/env python3
"""Fails where the tree is not as CONTRIBUTING.md says code is written, as far as a program can see it.

    tools/tidy.py rules     lengths of functions and files, calls that are not made, comments at the top
    tools/tidy.py format    what `make fmt` would change; exit status 77 where its clang-format is not installed
    tools/tidy.py fmt       changes it

A function of src/ may have 40 lines, its signature and braces among them; a file 600, one of tests 800, the
interface that is one file by intent 1000. A .c file of more than 150 lines holds an idea, and a header
a contract: a comment at the top says it, of that file or of its own header. BANNED are calls with a better one for the same,
which is named. A line that must break a rule says why, in a comment with `tidy: ` in it (for a function, on its first line)."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTION, FILE, TEST_FILE, INTERFACE, IDEA = 40, 600, 800, 1000, 150
FORMAT_VERSION = "14"  # its versions differ in what they make of the same file
BANNED = {
    "gets": "fgets", "strcpy": "snprintf or lk_buf", "strcat": "snprintf or lk_buf", "stpcpy": "snprintf or lk_buf",
    "strncpy": "snprintf", "strncat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf", "strtok": "strcspn",
    "atoi": "strtol or lk_text_integer, which tell a fault", "atol": "strtol", "atoll": "strtoll", "atof": "strtod",
    "alloca": "an arena, which can refuse", "system": "lk_child", "popen": "lk_child", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    "rand": "lk_random", "srand": "lk_random", "localtime": "localtime_r", "ctime": "strftime", "asctime": "strftime",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
EVERYWHERE = {"gets", "strtok", "alloca", "popen", "tmpnam", "mktemp"}  # the others are for src/: tests know what they copy


def files(*suffixes):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    paths = listed.split("\0") if listed else [str(p.relative_to(ROOT)) for d in ("src", "include", "tests", "fuzz", "bench", "tools")
                                               for p in (ROOT / d).rglob("*")]
    return sorted(p for p in paths if p.endswith(suffixes) and (ROOT / p).exists())


BLANK = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(text):
    """The code with the letters of comments and strings taken out, and every line still where it was."""
    return BLANK.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(code):
    """(first line, last line) of each function, from 1: the braces that stand in the first column, as clang-format sets
    them, behind a signature."""
    lines = code.split("\n")
    begin = None
    for i, line in enumerate(lines):
        if begin is None and line.endswith("{") and re.match(r"\w", lines[start(lines, i)]) and re.search(r"\)[^=;]*\{$", line):
            begin = start(lines, i)
        elif begin is not None and line.startswith("}"):
            yield begin + 1, i + 1
            begin = None


def start(lines, i):
    """The first line of the signature that ends on line i."""
    while i > 0 and lines[i].startswith((" ", "\t")) and lines[i - 1].strip():
        i -= 1
    return i


def faults(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    lines, code = text.split("\n"), bare(text)
    count = len(lines) - 1
    most = TEST_FILE if path.startswith("tests/") else INTERFACE if path.startswith("include/") else FILE
    if count > most and "tidy: " not in lines[0]:
        yield 1, f"the file has {count} lines; {most} is the most"
    if not path.endswith((".c", ".h")):
        return
    own = (ROOT / path).with_suffix(".h")
    told = text.startswith(("/*", "//")) or (own.exists() and own.read_text(encoding="utf-8").startswith("/*"))
    if (path.endswith(".h") or (count > IDEA and not path.startswith("tests/"))) and not told:
        yield 1, "it opens without a comment that says what it is for"
    for first, last in functions(code) if path.startswith("src/") else ():
        if last - first + 1 > FUNCTION and "tidy: " not in lines[first - 1]:
            yield first, f"the function has {last - first + 1} lines; {FUNCTION} is the most"
    for number, line in enumerate(code.split("\n"), 1):
        for call in CALL.findall(line):
            if "tidy: " not in lines[number - 1] and (call in EVERYWHERE or path.startswith(("src/", "include/"))):
                yield number, f"{call}() is not called here; use {BANNED[call]}"


def rules():
    found = [f"{path}:{line}: {sentence}" for path in files(".c", ".h", ".cc", ".cpp", ".py") for line, sentence in faults(path)]
    print("\n".join(found) or "tidy: ok")
    return 1 if found else 0


def formatted():
    """What clang-format has a say in; tables that a program wrote are as it wrote them."""
    return [p for p in files(".c", ".h", ".cc") if not re.match(r"tests/(reference/|unit/nn/reference_)", p)]


def form(*how):
    try:
        version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        print("clang-format is not installed")
        return 77
    if f"version {FORMAT_VERSION}." not in version:
        print(f"the tree is formatted by clang-format {FORMAT_VERSION}; installed is {version.strip()}")
        return 77
    return subprocess.run(["clang-format", *(how or ("--dry-run", "-Werror")), *formatted()], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    ways = {"rules": rules, "format": form, "fmt": lambda: form("-i")}
    if len(sys.argv) != 2 or sys.argv[1] not in ways:
        sys.exit(__doc__)
    sys.exit(ways[sys.argv[1]]())
