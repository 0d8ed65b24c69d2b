"""The description of the API, as both writers need it: schemas by name, and operations with what they take and give."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from typing import Any

Schema = dict[str, Any]

VERBS = ("get", "put", "post", "patch", "delete")
# A stream never ends: it is for the helpers of the socket, which do the same.
STREAM = "text/event-stream"


@dataclasses.dataclass
class Parameter:
    """What stands in the path, the query or a header."""

    wire: str
    schema: Schema
    required: bool
    description: str


@dataclasses.dataclass
class Operation:
    """One verb on one path."""

    name: str
    verb: str
    path: str
    said: str
    in_path: list[Parameter]
    in_query: list[Parameter]
    in_headers: list[Parameter]
    # The schema of a body of JSON, and whether the bytes of a file will do as well.
    body: Schema | None
    body_required: bool
    takes_bytes: bool
    # What is answered in JSON, and which other types it can be asked for in.
    answer: Schema | None
    other_answers: list[str]

    @property
    def keyed(self) -> bool:
        """Whether a repeated request is known by its key."""
        return any(header.wire == "Idempotency-Key" for header in self.in_headers)


@dataclasses.dataclass
class Api:
    """All of it."""

    version: str
    schemas: dict[str, Schema]
    operations: list[Operation]

    def resolve(self, schema: Schema) -> Schema:
        """What stands behind a reference."""
        return self.schemas[target(schema)] if "$ref" in schema else schema


def target(schema: Schema) -> str:
    """The name that a reference leads to."""
    return type_name(schema["$ref"].rsplit("/", 1)[-1])


def type_name(name: str) -> str:
    """`Page_Session` is one word."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]", name))


def kinds(schema: Schema) -> list[str]:
    """The types that a schema allows, `null` among them."""
    found = schema.get("type", [])
    return found if isinstance(found, list) else [found]


def tag(schema: Schema) -> str | None:
    """The one word that its `type` can be."""
    words = schema.get("properties", {}).get("type", {}).get("enum", [])
    return words[0] if len(words) == 1 else None


def said(schema: Schema) -> str:
    """What is written about it."""
    return str(schema.get("description", "")).strip()


def read(path: pathlib.Path) -> Api:
    """Reads the description."""
    document = json.loads(path.read_text(encoding="utf-8"))
    schemas = {type_name(name): schema for name, schema in document["components"]["schemas"].items()}
    if len(schemas) != len(document["components"]["schemas"]):
        raise ValueError("two schemas have one name")
    operations = [
        _operation(verb, path, item[verb])
        for path, item in document["paths"].items()
        for verb in VERBS
        if verb in item
    ]
    return Api(document["info"]["version"], schemas, operations)


def _operation(verb: str, path: str, given: dict[str, Any]) -> Operation:
    where: dict[str, list[Parameter]] = {"path": [], "query": [], "header": []}
    for one in given.get("parameters", []):
        parameter = Parameter(one["name"], one["schema"], one.get("required", False), one.get("description", ""))
        where[one["in"]].append(parameter)
    bodies = given.get("requestBody", {}).get("content", {})
    answers: dict[str, Schema] = {}
    for status, answer in given["responses"].items():
        if status.startswith("2"):
            answers |= {kind: content.get("schema", {}) for kind, content in answer.get("content", {}).items()}
    about = "\n\n".join(part for part in (given.get("summary", ""), given.get("description", "")) if part)
    return Operation(
        name=given["operationId"],
        verb=verb.upper(),
        path=path,
        said=about,
        in_path=where["path"],
        in_query=where["query"],
        in_headers=where["header"],
        body=bodies.get("application/json", {}).get("schema"),
        body_required=given.get("requestBody", {}).get("required", False),
        takes_bytes="application/octet-stream" in bodies,
        answer=answers.get("application/json"),
        other_answers=[kind for kind in answers if kind not in ("application/json", STREAM)],
    )
