#!/usr/bin/env python3
"""Writes build/bench/search.json as the tables of docs/search.md.    usage: bench/search/table.py RESULT.json..."""
import json
import sys

OWN = ["bulk add, by wall", "bulk add, by cpu", "coding after it, cpu", "single add, cpu", "open", "first search after it",
       "save", "bytes beside the float32 rows", "resident, its own", "resident, mapped file", "faces within the radius",
       "faces added meanwhile"]
TIMED = ["top10", "top10, 2 threads", "top100", "top100, 2 threads", "radius", "radius, 2 threads", "top10 of 1 % by list",
         "top10 of 1 % by call", "top10 while adding"]


def number(value):
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def line(*cells):
    print("| " + " | ".join(cells) + " |")


def metric(cells, name):
    """A cell's row, where the radius in the metric's name does not count."""
    return next((row["value"] for key, row in cells.items() if key == name or
                 (name.startswith("radius") and key.startswith("radius") and
                  key.split(",")[1:] == name.split(",")[1:])), None)


def ours(cells, scan):
    print("\nMilliseconds a query:\n")
    line("liken", "cpu p50", "wall p50", "wall p99", "float32 scan / liken, cpu")
    line("---", *["---:"] * 4)
    for name in TIMED:
        cpu, wall, tail = (metric(cells, f"{name}, {kind}") for kind in ("cpu p50", "wall p50", "wall p99"))
        base = scan.get(name.split(",")[0])
        line(name, number(cpu), number(wall), number(tail), number(base / cpu) if base and cpu else "")
    batch = metric(cells, "top10 in batches of 32, cpu")
    if batch:
        line("top10 in batches of 32", number(batch), "", "", number(scan["top10"] / batch))
    for name in ("top10", "top100", "radius"):
        one, two = metric(cells, f"{name}, wall p50"), metric(cells, f"{name}, 2 threads, wall p50")
        if one and two:
            line(f"{name}: one thread / two", "", number(one / two), "", "")
    print()
    line("liken", "", "")
    line("---", "---:", "---")
    for name in OWN:
        if name in cells:
            line(name, number(cells[name]["value"]), cells[name]["unit"])


def rivals(engines, mine):
    print("\nThe nearest 10, rivals in the same run; build by two threads at most, wall:\n")
    line("engine", "setting", "recall", "cpu p50 ms", "wall p50", "wall p99", "times liken's cpu", "build s")
    line("---", "---", *["---:"] * 6)
    line("**liken**", "exact", "1", *(number(metric(mine, f"top10, {k}")) for k in ("cpu p50", "wall p50", "wall p99")),
         "1", "")
    for engine, cells in engines.items():
        build = metric(cells, "build, wall")
        for what in ("top10", "top10 at recall 0.95", "top10 at recall 0.99"):
            cpu = metric(cells, f"{what}, cpu p50")
            if cpu is None:
                continue
            effort = next((f"{key.split(': ')[1]} {row['value']:.0f}" for key, row in cells.items()
                           if key.startswith(f"{what}: ") and row["unit"] == ""), "exact")
            recall = metric(cells, f"{what}: reached")
            line(engine, effort, number(1 if recall is None else recall), number(cpu), number(metric(cells, f"{what}, wall p50")),
                 number(metric(cells, f"{what}, wall p99")), number(cpu / metric(mine, "top10, cpu p50")), number(build))


def main():
    rows = [row for path in sys.argv[1:] for row in json.load(open(path, encoding="utf-8"))]
    for row in rows:
        if "machine" in row:
            print(", ".join(f"{key} {value}" for key, value in row["machine"].items()))
    for case in dict.fromkeys(row["case"] for row in rows if "case" in row):
        engines = {}
        for row in rows:
            if row.get("case") == case:
                engines.setdefault(row["engine"], {})[row["metric"]] = row
        mine = next(cells for engine, cells in engines.items() if engine.startswith("liken"))
        scan = {name: metric(engines["float32 scan"], f"{name}, cpu p50") for name in ("top10", "top100")}
        print(f"\n### {case}")
        ours(mine, scan)
        rivals({engine: cells for engine, cells in engines.items() if not engine.startswith("liken")}, mine)


if __name__ == "__main__":
    main()
