"""Checks answers against docs/openapi.yaml: status, content type, body. What the contract does not name is a fault."""
import json
import pathlib
import re

import jsonschema
import referencing
import referencing.jsonschema
import yaml

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
SPEC = yaml.safe_load(PATH.read_text())
_REGISTRY = referencing.Registry().with_resource(
    "contract", referencing.jsonschema.DRAFT202012.create_resource(SPEC))
_TEMPLATES = {path: re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$") for path in SPEC["paths"]}
METHODS = ("get", "post", "delete", "put", "patch")

seen = set()  # (method, path, status) of every answer that was checked


def operations():
    return {(method, path) for path, item in SPEC["paths"].items() for method in item if method in METHODS}


def _absolute(node):
    """The schema with its references made absolute, so that they resolve from anywhere."""
    if isinstance(node, dict):
        return {key: "contract" + value if key == "$ref" else _absolute(value) for key, value in node.items()}
    return [_absolute(item) for item in node] if isinstance(node, list) else node


def _resolve(node):
    while "$ref" in node:
        target = SPEC
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        node = target
    return node


def template(path):
    exact = [t for t in _TEMPLATES if t == path]
    return (exact or [t for t, pattern in _TEMPLATES.items() if pattern.match(path)] or [None])[0]


def validate(schema, value):
    jsonschema.Draft202012Validator(_absolute(schema), registry=_REGISTRY).validate(value)


def check(method, path, status, headers, body):
    """`headers` by lower-case name; `body` bytes. An address that the contract does not have must answer with a problem."""
    found = template(path.split("?")[0])
    operation = SPEC["paths"].get(found, {}).get(method.lower())
    if operation is None:
        assert status in (400, 403, 404, 405), f"{method} {path} is not in the contract and answered {status}"
        response = _resolve(SPEC["components"]["responses"]["Problem"])
    else:
        seen.add((method.lower(), found, status))
        response = operation["responses"].get(str(status))
        if response is None:
            assert status >= 400, f"{method} {path}: the contract has no {status}"
            response = operation["responses"]["default"]
        response = _resolve(response)
    content = response.get("content")
    if content is None:
        assert body == b"", f"{method} {path}: {status} has no body"
        return None
    kind = headers["content-type"].split(";")[0]
    assert kind in content, f"{method} {path}: {status} came as {kind}"
    if kind.startswith("text/"):
        return body.decode()
    if kind.startswith("image/"):
        return body
    value = json.loads(body, parse_constant=lambda word: (_ for _ in ()).throw(ValueError(f"{word} is not JSON")))
    validate(content[kind]["schema"], value)
    if kind == "application/problem+json":
        assert value["status"] == status
        assert status != 503 or "retry-after" in headers or found == "/readyz"
    return value
