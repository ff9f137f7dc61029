#!/usr/bin/env python3
"""Fails when a source file includes what src/layers.map does not allow its folder.

A folder may name only folders on earlier lines, so the map cannot hold a cycle. A sub-folder with a line of its own
("store/sqlite: ...") is a folder like any other: who may include store/ may not include it unless its line says so. One
without is a part of the folder it lies in. Headers called *_int.h are private to their folder, and an include is always
written from the root ("folder/file.h")."""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')


def read_map(path):
    allowed = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, below = line.partition(":")
        unknown = [name for name in below.split() if name not in allowed]
        if unknown:
            sys.exit(f"{path}:{number}: {folder} names {', '.join(unknown)}, which no earlier line defines")
        allowed[folder.strip()] = {folder.strip(), *below.split()}
    return allowed


def folder_of(path, allowed):
    """The folder in the map that a file's path belongs to: the longest; None where there is none."""
    parts = path.split("/")[:-1]
    while parts and "/".join(parts) not in allowed:
        parts.pop()
    return "/".join(parts) or None


def fault(included, folder, allowed):
    if included == "liken.h":
        return None
    if "/" not in included or ".." in included:
        return f'write "folder/file.h", not "{included}"'
    owner = folder_of(included, allowed)
    if owner is None:
        return f"{included}: its folder is not in the map"
    if owner not in allowed[folder]:
        return f"{folder}/ may not include {owner}/"
    if owner != folder and included.endswith("_int.h"):
        return f"{included} is private to {owner}/"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("src", type=pathlib.Path)
    parser.add_argument("--stamp", type=pathlib.Path, help="touched on success")
    args = parser.parse_args()
    allowed = read_map(args.src / "layers.map")
    faults = []
    for path in sorted(p for p in args.src.rglob("*") if p.suffix in (".c", ".h", ".cc")):
        folder = folder_of(path.relative_to(args.src).as_posix(), allowed)
        if folder is None:
            faults.append(f"{path}: its folder is not in the map")
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            why = match and fault(match[1], folder, allowed)
            if why:
                faults.append(f"{path}:{number}: {why}")
    if faults:
        sys.exit("\n".join(faults))
    if args.stamp:
        args.stamp.touch()


if __name__ == "__main__":
    main()
