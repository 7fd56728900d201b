"""Descriptions of endpoints in both formats, written by hand: for the tests of what reads them."""

from __future__ import annotations

from source_acumatica.reading.fields import FieldKind

SWAGGER, OPENAPI = "#/definitions/", "#/components/schemas/"


def link(name):
    return {"$ref": name}


def rows(name):
    return {"type": "array", "items": link(name)}


def record(**properties):
    """A schema as the ERP writes it: the common base, and what is its own."""
    return {"allOf": [link("Entity"), {"type": "object", "properties": properties}]}


def wrapper(kind="string"):
    return {"type": "object", "properties": {"value": {"type": kind}}}


BASE = {
    "Entity": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "rowNumber": {"type": "integer"},
            "note": {"type": "string"},
            "custom": {"type": "object"},
            "error": {"type": "string"},
            "files": {"type": "array", "items": link("FileLink")},
            "_links": {"type": "object"},
        },
    },
    "FileLink": {"type": "object", "properties": {"id": {"type": "string"}}},
    **{kind.value: wrapper() for kind in FieldKind if kind is not FieldKind.UNKNOWN},
}


def _prefixed(value, prefix):
    if isinstance(value, dict):
        return {key: prefix + inner if key == "$ref" else _prefixed(inner, prefix) for key, inner in value.items()}
    return [_prefixed(one, prefix) for one in value] if isinstance(value, list) else value


def swagger(schemas, entities, paths=()):
    listing = {name: {"get": {"responses": {"200": {"schema": rows(of)}}}, "put": {}} for name, of in entities.items()}
    return _prefixed(
        {
            "swagger": "2.0",
            "info": {"title": "Test/1", "version": "4"},
            "paths": {**{f"/{name}": operations for name, operations in listing.items()}, **dict(paths)},
            "definitions": {**BASE, **schemas},
        },
        SWAGGER,
    )


def openapi(schemas, entities, paths=()):
    listing = {
        name: {
            "get": {
                "responses": {
                    "200": {"content": {kind: {"schema": rows(of)} for kind in ("application/json", "text/json")}}
                }
            },
            "put": {},
        }
        for name, of in entities.items()
    }
    return _prefixed(
        {
            "openapi": "3.0.1",
            "info": {"title": "Test/1", "version": "4"},
            "paths": {**{f"/{name}": operations for name, operations in listing.items()}, **dict(paths)},
            "components": {"schemas": {**BASE, **schemas}},
        },
        OPENAPI,
    )
