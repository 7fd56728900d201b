"""The formats of descriptions, Swagger 2.0 and OpenAPI 3.0.1, and what contract 5 changes in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
MEDIA_TYPES = ("application/json", "text/json")


@dataclass(frozen=True)
class Format:
    """The few places where Swagger, OpenAPI, and the contracts in them differ."""

    openapi: bool
    contract: int = 4
    plain_references: bool = False

    def reference(self, schema: str) -> Json:
        return {"$ref": ("#/components/schemas/" if self.openapi else "#/definitions/") + schema}

    @property
    def has_choices(self) -> bool:
        return self.contract >= 5

    def nullable(self, schema: Json) -> Json:
        """Swagger has no word for it."""
        return schema | {"nullable": True} if self.has_choices and self.openapi else schema

    def one_of(self, schema: str) -> Json:
        """A linked object, or whatever else may be null as a whole."""
        plain = self.reference(schema)
        if self.plain_references or not (self.has_choices and self.openapi):
            return plain
        return {"anyOf": [plain], "nullable": True}

    def parameter(self, name: str, kind: str, where: str = "query") -> Json:
        typed: Json = {"type": kind} | ({"format": "int32"} if kind == "integer" else {})
        required = {"required": True} if where == "path" else {}
        return {"name": name, "in": where, **required} | ({"schema": typed} if self.openapi else typed)

    def body(self, name: str, schema: Json) -> Json:
        if self.openapi:
            return {"requestBody": {"content": self._content(schema), "required": True, "x-bodyName": name}}
        return {"parameters": [{"in": "body", "name": name, "required": True, "schema": schema}]}

    def response(self, description: str, schema: Json | None = None) -> Json:
        if schema is None:
            return {"description": description}
        content = {"content": self._content(schema)} if self.openapi else {"schema": schema}
        return {"description": description, **content}

    def document(self, paths: Json, schemas: Json, tags: list[Json]) -> Json:
        described: Json = {"components": {"schemas": schemas}} if self.openapi else {"definitions": schemas}
        return {"paths": paths, **described, "tags": tags}

    def _content(self, schema: Json) -> Json:
        return {media_type: {"schema": schema} for media_type in MEDIA_TYPES}
