"""An endpoint's description of itself: Swagger 2.0 from old builds, OpenAPI 3.0.1 from new ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from integration_tests.simulator.store.shapes import Endpoint, Entity, FieldKind, Part, Shape

Json = dict[str, Any]

CONTRACT_VERSION = "4"
MEDIA_TYPES = ("application/json", "text/json")
SCALARS: dict[FieldKind, Json] = {
    FieldKind.STRING: {"type": "string"},
    FieldKind.DECIMAL: {"type": "number", "format": "double"},
    FieldKind.BOOLEAN: {"type": "boolean"},
    FieldKind.DATE_TIME: {"type": "string", "format": "date-time"},
    FieldKind.INT: {"type": "integer", "format": "int32"},
    FieldKind.SHORT: {"type": "integer", "format": "int32"},
    FieldKind.LONG: {"type": "integer", "format": "int64"},
    FieldKind.GUID: {"type": "string", "format": "uuid"},
}
assert SCALARS.keys() == set(FieldKind)
# Every description has these, used or not.
OTHER_SCALARS: dict[str, Json] = {
    "Byte": {"type": "integer", "format": "int32"},
    "Double": {"type": "number", "format": "double"},
}
READ = {"$select": "string", "$filter": "string", "$expand": "string", "$custom": "string"}
LIST = READ | {"$skip": "integer", "$top": "integer"}


@dataclass(frozen=True)
class Dialect:
    """The few places where the two formats differ."""

    openapi: bool

    def reference(self, schema: str) -> Json:
        return {"$ref": ("#/components/schemas/" if self.openapi else "#/definitions/") + schema}

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


def description(endpoint: Endpoint, is_openapi: bool, site_url: str) -> str:
    """As JSON: a head, which says where the site lies, before what all sites have in common."""
    head = (_head_of_openapi if is_openapi else _head_of_swagger)(endpoint, site_url)
    return f"{json.dumps(head, ensure_ascii=False)[:-1]}, {_document(endpoint, is_openapi)[1:]}"


def _head_of_openapi(endpoint: Endpoint, site_url: str) -> Json:
    return {"openapi": "3.0.1", "info": _info(endpoint), "servers": [{"url": site_url + _path(endpoint)}]}


def _head_of_swagger(endpoint: Endpoint, site_url: str) -> Json:
    scheme, _, rest = site_url.partition("://")
    host, _, directory = rest.partition("/")
    base_path = (f"/{directory}" if directory else "") + _path(endpoint)
    return {"swagger": "2.0", "info": _info(endpoint), "host": host, "basePath": base_path, "schemes": [scheme]}


def _info(endpoint: Endpoint) -> Json:
    return {"title": f"{endpoint.name}/{endpoint.version}", "version": CONTRACT_VERSION}


def _path(endpoint: Endpoint) -> str:
    return f"/entity/{endpoint.name}/{endpoint.version}"


# Every discovery asks for them, of every simulator of a test run; an endpoint does not change.
@lru_cache(maxsize=32)
def _document(endpoint: Endpoint, is_openapi: bool) -> str:
    dialect = Dialect(is_openapi)
    paths: Json = {}
    schemas: Json = _common_schemas(dialect)
    for entity in endpoint.entities:
        paths |= _paths(entity, dialect)
        _add_schemas(schemas, entity, dialect)
        schemas[f"{entity.name}CustomAction"] = _action(entity, dialect)
    tags = [{"name": each.name, "description": f"{each.title} ({each.screen})"} for each in endpoint.entities]
    return json.dumps(dialect.document(paths, dict(sorted(schemas.items())), tags), ensure_ascii=False)


def _paths(entity: Entity, dialect: Dialect) -> Json:
    name, one = entity.name, dialect.reference(entity.schema)
    many = {"type": "array", "items": one}
    ids, by_id = dialect.parameter("ids", "string", "path"), dialect.parameter("id", "string", "path")
    read = [dialect.parameter(*each) for each in READ.items()]
    window = [dialect.parameter(*each) for each in LIST.items()]
    action, action_name = dialect.reference(f"{name}CustomAction"), dialect.parameter("actionName", "string", "path")
    act = _operation(entity, "InvokeAction_CustomAction", dialect, [action_name])
    put = _operation(entity, "PutEntity", dialect, read, one)
    file = [ids, dialect.parameter("filename", "string", "path")]
    return {
        f"/{name}/{{actionName}}": {"post": _with_body(act, dialect.body("invocation", action))},
        f"/{name}/$adHocSchema": {"get": _operation(entity, "GetAdHocSchema", dialect, [], one)},
        f"/{name}/{{ids}}": {
            "get": _operation(entity, "GetByKeys", dialect, [ids, *read], one),
            "delete": _operation(entity, "DeleteByKeys", dialect, [ids]),
        },
        f"/{name}/{{ids}}/files/{{filename}}": {"put": _operation(entity, "PutFile", dialect, file)},
        f"/{name}/{{id}}": {
            "get": _operation(entity, "GetById", dialect, [by_id, *read], one),
            "delete": _operation(entity, "DeleteById", dialect, [by_id]),
        },
        f"/{name}": {
            "get": _operation(entity, "GetList", dialect, window, many),
            "put": _with_body(put, dialect.body("entity", one)),
        },
    }  # fmt: skip


def _operation(entity: Entity, name: str, dialect: Dialect, parameters: list[Json], result: Json | None = None) -> Json:
    error = dialect.reference("HttpError")
    done = {"200": dialect.response("The result.", result)} if result else {"204": dialect.response("Done.")}
    responses = {
        "401": dialect.response("The user is not logged in to the system.", error),
        "500": dialect.response("Internal server error.", error),
    }
    head = {"tags": [entity.name], "operationId": f"{entity.name}_{name}", "parameters": parameters}
    media = {} if dialect.openapi else {"produces": list(MEDIA_TYPES)}
    return head | media | {"responses": responses | done}


def _with_body(operation: Json, body: Json) -> Json:
    parameters = operation["parameters"] + body.get("parameters", [])
    return operation | body | {"parameters": parameters}


def _add_schemas(schemas: Json, shape: Shape, dialect: Dialect) -> None:
    properties: Json = {each.name: dialect.reference(f"{each.kind.value}Value") for each in shape.fields}
    for part in (*shape.collections, *shape.links):
        properties[part.name] = _part(shape, part, dialect)
        _add_schemas(schemas, part.shape, dialect)
    schemas[shape.schema] = _extends("Entity", properties, dialect)


def _part(shape: Shape, part: Part, dialect: Dialect) -> Json:
    one = dialect.reference(part.shape.schema)
    return {"type": "array", "items": one} if part in shape.collections else one


def _extends(base: str, properties: Json, dialect: Dialect) -> Json:
    return {"allOf": [dialect.reference(base), {"type": "object", "properties": dict(sorted(properties.items()))}]}


def _action(entity: Entity, dialect: Dialect) -> Json:
    properties = {"entity": dialect.reference(entity.schema), "parameters": {"type": "object"}}
    return {"required": ["entity"], "type": "object", "properties": properties}


def _common_schemas(dialect: Dialect) -> Json:
    text = {"type": "string"}
    scalars = {kind.value: scalar for kind, scalar in SCALARS.items()} | OTHER_SCALARS
    values = {f"{kind}Value": _object(value=scalar, error=text) for kind, scalar in scalars.items()}
    customs = {
        f"Custom{kind}Field": _extends("CustomField", {"value": scalar, "error": text}, dialect)
        for kind, scalar in scalars.items()
    }
    discriminator: Any = {"propertyName": "type"} if dialect.openapi else "type"
    custom_field = {"required": ["type"], **_object(type=text), "discriminator": discriminator}
    return values | customs | {
        "CustomField": custom_field,
        "Entity": _entity(dialect),
        "FileLink": _object(id=SCALARS[FieldKind.GUID], filename=text, href=text),
        "HttpError": _object(message=text, exceptionMessage=text, exceptionType=text, stackTrace=text),
    }  # fmt: skip


def _entity(dialect: Dialect) -> Json:
    fields = {"type": "object", "additionalProperties": dialect.reference("CustomField")}
    return _object(
        id=SCALARS[FieldKind.GUID],
        rowNumber=SCALARS[FieldKind.LONG],
        note=dialect.reference("StringValue"),
        custom={"type": "object", "additionalProperties": fields},
        error={"type": "string"},
        files={"type": "array", "items": dialect.reference("FileLink")},
    )


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}
