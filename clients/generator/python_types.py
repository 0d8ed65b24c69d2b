"""Writes schemas as Python types.

A TypedDict cannot be the intersection of a union and an object, which is what a message or an event is. So such a schema
is multiplied out: one TypedDict for each alternative, named after its `type`, and a union of them under its own name.
"""

from __future__ import annotations

import dataclasses
import json
import keyword
import textwrap

from description import Api, Schema, kinds, said, tag, target, type_name


@dataclasses.dataclass
class Shape:
    """One alternative: properties, and which of them have to be there."""

    properties: dict[str, Schema] = dataclasses.field(default_factory=dict)
    required: set[str] = dataclasses.field(default_factory=set)
    tag: str | None = None

    def with_all_of(self, other: Shape) -> Shape | None:
        """Both at once; nothing, if they are of different types."""
        if self.tag and other.tag and self.tag != other.tag:
            return None
        return Shape(self.properties | other.properties, self.required | other.required, self.tag or other.tag)


class Types:
    """What is written so far."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.written: list[str] = []

    def component(self, name: str) -> None:
        """Writes the type of a schema that has a name."""
        self._define(name, self.api.schemas[name])

    def _define(self, name: str, schema: Schema) -> None:
        if "allOf" in schema or "anyOf" in schema or "oneOf" in schema:
            if all("$ref" in part for part in schema.get("oneOf", [{}])):
                self._alias(name, " | ".join(target(part) for part in schema["oneOf"]), schema)
                return
            shapes = self._shapes(schema)
            if len(shapes) == 1:
                self._typed_dict(name, shapes[0], said(schema))
                return
            names = _names(name, shapes)
            for inner, shape in zip(names, shapes, strict=True):
                self._typed_dict(inner, shape, said(schema))
            self._alias(name, " | ".join(names), schema)
        elif schema.get("properties"):
            self._typed_dict(name, self._shapes(schema)[0], said(schema))
        else:
            self._alias(name, self.reference(schema, name), schema)

    def _alias(self, name: str, text: str, schema: Schema) -> None:
        note = "".join(f"#: {line}\n" for line in said(schema).splitlines())
        value = json.dumps(text)
        if len(value) > 90:
            parts = text.split(" | ")
            lines = [json.dumps(part + (" | " if place < len(parts) - 1 else "")) for place, part in enumerate(parts)]
            value = "(\n    " + "\n    ".join(lines) + "\n)"
        self.written.append(f"{note}{name}: t.TypeAlias = {value}\n\n")

    def _shapes(self, schema: Schema) -> list[Shape]:
        """The alternatives of a schema that is an object."""
        if "$ref" in schema:
            return self._shapes(self.api.resolve(schema))
        if "allOf" in schema:
            found = [Shape()]
            for part in schema["allOf"]:
                found = [
                    both for one in found for other in self._shapes(part) if (both := one.with_all_of(other)) is not None
                ]
            return found
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return [shape for part in schema[key] for shape in self._shapes(part)]
        return [Shape(dict(schema.get("properties", {})), set(schema.get("required", [])), tag(schema))]

    def _typed_dict(self, name: str, shape: Shape, about: str) -> None:
        fields = []
        for key, value in shape.properties.items():
            kind = self.reference(value, name + type_name(key))
            kind = kind if key in shape.required else f"t.NotRequired[{kind}]"
            fields.append((key, kind, said(value)))
        if any(keyword.iskeyword(key) or not key.isidentifier() for key, _, _ in fields):
            self._functional(name, fields, about)
            return
        lines = [f"class {name}(t.TypedDict):\n", _docstring(about or name)]
        for key, kind, note in fields:
            lines += [f"    #: {line}\n" for line in note.splitlines()]
            lines.append(f"    {key}: {kind}\n")
        self.written.append("".join(lines) + "\n\n")

    def _functional(self, name: str, fields: list[tuple[str, str, str]], about: str) -> None:
        """For keys that are no names in Python, such as `from`."""
        lines = [f"#: {line}\n" for line in about.splitlines()]
        lines.append(f"{name} = t.TypedDict(\n    {json.dumps(name)},\n    {{\n")
        for key, kind, note in fields:
            lines += [f"        #: {line}\n" for line in note.splitlines()]
            lines.append(f"        {json.dumps(key)}: {json.dumps(kind) if not kind.startswith('t.NotRequired') else _late(kind)},\n")
        lines.append("    },\n)\n\n")
        self.written.append("".join(lines))

    def reference(self, schema: Schema, name: str) -> str:
        """How a property is annotated; what has no name gets `name`."""
        if "$ref" in schema:
            return target(schema)
        for key in ("oneOf", "anyOf"):
            if key in schema:
                parts = [self.reference(part, name) for part in schema[key]]
                return " | ".join(dict.fromkeys(parts))
        if "allOf" in schema or schema.get("properties"):
            self._define(name, schema)
            return name
        if "enum" in schema:
            words = ", ".join(json.dumps(word) for word in schema["enum"] if word is not None)
            return f"t.Literal[{words}]" + (" | None" if "null" in kinds(schema) else "")
        return " | ".join(self._simple(kind, schema, name) for kind in kinds(schema)) or "t.Any"

    def _simple(self, kind: str, schema: Schema, name: str) -> str:
        if kind == "array":
            return f"list[{self.reference(schema.get('items', {}), name)}]"
        if kind == "object":
            inner, names = schema.get("additionalProperties"), schema.get("propertyNames")
            value = self.reference(inner, name) if isinstance(inner, dict) else "t.Any"
            return f"dict[{self.reference(names, name) if names else 'str'}, {value}]"
        return {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}[kind]


def _late(kind: str) -> str:
    inner = kind.removeprefix("t.NotRequired[").removesuffix("]")
    return f"t.NotRequired[{json.dumps(inner)}]"


def _names(name: str, shapes: list[Shape]) -> list[str]:
    """After the tag, else after what only this alternative has, else it is the bare one."""
    names = []
    for shape in shapes:
        others = set().union(*(other.properties for other in shapes if other is not shape))
        own = sorted(shape.required - others)
        names.append(name + (f"As{type_name(shape.tag)}" if shape.tag else type_name(own[0]) if own else "Bare"))
    if len(set(names)) != len(names):
        raise ValueError(f"the alternatives of {name} cannot be told apart: {names}")
    return names


def _docstring(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    if "\n" not in text:
        return f'    """{text}"""\n\n'
    return f'    """{textwrap.indent(text, "    ").strip()}\n    """\n\n'
