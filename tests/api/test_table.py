"""The server's table of routes and docs/openapi.yaml say the same: every route, every parameter, every limit, every fault."""
import json
import os
import pathlib
import re
import subprocess

import pytest

import contract

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("LIKEN_BIN", ROOT / "build" / "liken")).parent / "tests" / "unit" / "test_api_routes"
WORD_MAX = 64  # characters of a time, as src/wire/args.c reads it
TYPES = {"text": "string", "texts": "array", "whole": "integer", "wholes": "array", "number": "number", "switch": "boolean", "time": "string",
         "word": "string", "object": "object", "floats": "array", "photo": "string", "photos": "array"}


def printed(what):
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built")
    return json.loads(subprocess.run([PROGRAM, what], capture_output=True, check=True, text=True).stdout)


@pytest.fixture(scope="module")
def rows():
    return printed("--rows")


def parameters(row):
    item = contract.SPEC["paths"][row["pattern"]]
    return [contract._resolve(p) for p in item.get("parameters", []) + item[row["method"].lower()].get("parameters", [])]


def properties(schema):
    """(name, schema) of each property of an object, those of its parts too."""
    schema = contract._resolve(schema)
    for part in schema.get("allOf", []):
        yield from properties(part)
    yield from schema.get("properties", {}).items()


def documented(row):
    """(name, schema) of whatever a request may carry, wherever."""
    body = contract._resolve(contract.SPEC["paths"][row["pattern"]][row["method"].lower()].get("requestBody", {}))
    found = [(p["name"], p["schema"]) for p in parameters(row) if p["in"] == "query"]
    for content in body.get("content", {}).values():
        found += properties(content["schema"])
    return found


def alternatives(schema):
    schema = contract._resolve(schema)
    choices = schema.get("anyOf", schema.get("oneOf"))
    found = [a for c in choices for a in alternatives(c)] if choices else [schema]
    return [s for s in found if s.get("type") != "null"]


def longest(schema):
    return 64 if schema.get("pattern", "").endswith("{0,63}$") else schema.get("maxLength")


def check(param, schema):
    kinds = schema.get("type", "string" if "enum" in schema else None)
    assert TYPES[param["kind"]] in (kinds if isinstance(kinds, list) else [kinds])
    kind = param["kind"]
    if kind == "text":
        assert longest(schema) == param["chars"]
    elif kind == "time":
        assert longest(schema) == WORD_MAX
    elif kind == "texts":
        assert (schema["maxItems"], longest(schema["items"])) == (param["count"], param["chars"])
    elif kind == "wholes":
        assert (schema["maxItems"], schema["items"]["minimum"], schema["items"].get("maximum", 2**63 - 1)) == (param["count"], param["low"], param["high"])
    elif kind in ("floats", "photos"):
        assert schema["maxItems"] == param["count"]
    elif kind == "whole":
        assert schema["minimum"] == param["low"]
        assert schema.get("maximum", 2**63 - 1) == param["high"]
        assert schema.get("default", param["otherwise"]) == param["otherwise"]
    elif kind == "number":
        assert (schema["exclusiveMinimum"], schema["maximum"]) == (param["above"], param["most"])
    elif kind == "word":
        assert schema["enum"] == param["words"].split()


def test_every_route_is_in_the_contract(rows):
    assert {(row["method"].lower(), row["pattern"]) for row in rows} == contract.operations()


def test_addresses_have_the_parts_of_the_contract(rows):
    for row in rows:
        parts = {part[1:-1] for part in row["pattern"].split("/") if part.startswith("{")}
        assert {p["name"] for p in parameters(row) if p["in"] == "path"} == parts, row["pattern"]


def test_every_route_names_its_scope(rows):
    for row in rows:
        summary = contract.SPEC["paths"][row["pattern"]][row["method"].lower()]["summary"]
        assert summary.endswith(f" Scope {row['scope']}." if row["scope"] else " No key."), row["pattern"]


def test_every_parameter_is_in_the_contract_with_its_limits(rows):
    for row in rows:
        found = documented(row)
        if row["params"] is None:  # the legacy calls read their forms themselves; the others read nothing
            assert row["pattern"].startswith("/faces") or not found, row["pattern"]
            continue
        table = {param["name"]: param for param in row["params"]}
        assert {name for name, _ in found} == set(table), row["pattern"]
        for name, schema in found:
            for choice in alternatives(schema):
                try:
                    check(table[name], choice)
                except (AssertionError, KeyError) as error:
                    raise AssertionError(f"{row['method']} {row['pattern']}: {name}: {table[name]} is not {choice}") from error


def test_every_fault_is_in_the_contract_and_has_a_title():
    faults = printed("--faults")
    numbers = {int(n) for n in re.findall(r"LIKEN_E_\w+ = (-\d+)", (ROOT / "include" / "liken.h").read_text())}
    assert {fault["number"] for fault in faults} == numbers
    codes = set(contract.SPEC["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert {fault["code"] for fault in faults} <= codes
    for fault in faults:  # the title of a status that has none of its own is that of 500
        assert (fault["title"] == "Internal Server Error") == (fault["status"] == 500), fault


def test_whatever_the_server_says_by_itself_is_in_the_contract():
    codes = set(contract.SPEC["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    source = "".join(path.read_text() for path in sorted((ROOT / "src" / "api").glob("*.c")))
    said = re.findall(r'lk_answer_problem\([^;"]*?\d{3},\s*"([a-z_]+)"', source) + re.findall(r'refuse\([^;"]*?\d{3},\s*"([a-z_]+)"', source)
    assert len(said) > 3 and set(said) <= codes
