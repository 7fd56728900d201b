"""An endpoint's description of itself: Swagger 2.0 from old builds, OpenAPI 3.0.1 from new ones."""

from __future__ import annotations

import json
from functools import lru_cache

from integration_tests.simulator.contract.formats import MEDIA_TYPES, Format, Json
from integration_tests.simulator.contract.schemas import common_schemas, extends
from integration_tests.simulator.store.shapes import Endpoint, Entity, FieldKind, Part, Shape

READ = {"$select": "string", "$filter": "string", "$expand": "string", "$custom": "string"}
LIST = READ | {"$skip": "integer", "$top": "integer"}


def description(endpoint: Endpoint, form: Format, site_url: str) -> str:
    """As JSON: a head, which says where the site lies, before what all sites have in common."""
    head = (_head_of_openapi if form.openapi else _head_of_swagger)(endpoint, site_url)
    return f"{json.dumps(head, ensure_ascii=False)[:-1]}, {_document(endpoint, form)[1:]}"


def _head_of_openapi(endpoint: Endpoint, site_url: str) -> Json:
    return {"openapi": "3.0.1", "info": _info(endpoint), "servers": [{"url": site_url + _path(endpoint)}]}


def _head_of_swagger(endpoint: Endpoint, site_url: str) -> Json:
    scheme, _, rest = site_url.partition("://")
    host, _, directory = rest.partition("/")
    base_path = (f"/{directory}" if directory else "") + _path(endpoint)
    return {"swagger": "2.0", "info": _info(endpoint), "host": host, "basePath": base_path, "schemes": [scheme]}


def _info(endpoint: Endpoint) -> Json:
    return {"title": f"{endpoint.name}/{endpoint.version}", "version": str(endpoint.contract)}


def _path(endpoint: Endpoint) -> str:
    return f"/entity/{endpoint.name}/{endpoint.version}"


# Every discovery asks for them, of every simulator of a test run; an endpoint does not change.
@lru_cache(maxsize=64)
def _document(endpoint: Endpoint, form: Format) -> str:
    paths: Json = {}
    schemas: Json = common_schemas(form, _has_days(endpoint))
    for entity in endpoint.entities:
        paths |= _paths(entity, form)
        _add_schemas(schemas, entity, form)
        if form.has_choices:
            _add_actions(schemas[entity.schema], entity, form)
        schemas[f"{entity.name}CustomAction"] = _action(entity, form)
    tags = [{"name": each.name, "description": f"{each.title} ({each.screen})"} for each in endpoint.entities]
    return json.dumps(form.document(paths, dict(sorted(schemas.items())), tags), ensure_ascii=False)


def _has_days(endpoint: Endpoint) -> bool:
    return any(each.kind is FieldKind.DATE_ONLY for entity in endpoint.entities for each in entity.fields)


def _paths(entity: Entity, form: Format) -> Json:
    name, one = entity.name, form.reference(entity.schema)
    many = {"type": "array", "items": one}
    ids, by_id = form.parameter("ids", "string", "path"), form.parameter("id", "string", "path")
    read = [form.parameter(*each) for each in READ.items()]
    window = [form.parameter(*each) for each in LIST.items()]
    action, action_name = form.reference(f"{name}CustomAction"), form.parameter("actionName", "string", "path")
    act = _operation(entity, "InvokeAction_CustomAction", form, [action_name])
    put = _operation(entity, "PutEntity", form, read, one)
    if entity.is_report:
        print_it = _operation(entity, "Post", form, [])
        return {f"/{name}": {"post": _with_body(print_it, form.body("entity", one))}}
    file = [ids, form.parameter("filename", "string", "path")]
    return {
        f"/{name}/{{actionName}}": {"post": _with_body(act, form.body("invocation", action))},
        f"/{name}/$adHocSchema": {"get": _operation(entity, "GetAdHocSchema", form, [], one)},
        f"/{name}/{{ids}}": {
            "get": _operation(entity, "GetByKeys", form, [ids, *read], one),
            "delete": _operation(entity, "DeleteByKeys", form, [ids]),
        },
        f"/{name}/{{ids}}/files/{{filename}}": {"put": _operation(entity, "PutFile", form, file)},
        f"/{name}/{{id}}": {
            "get": _operation(entity, "GetById", form, [by_id, *read], one),
            "delete": _operation(entity, "DeleteById", form, [by_id]),
        },
        f"/{name}": {
            "get": _operation(entity, "GetList", form, window, many),
            "put": _with_body(put, form.body("entity", one)),
        },
    }  # fmt: skip


def _operation(entity: Entity, name: str, form: Format, parameters: list[Json], result: Json | None = None) -> Json:
    error = form.reference("HttpError")
    done = {"200": form.response("The result.", result)} if result else {"204": form.response("Done.")}
    responses = {"409": form.response("A long operation is running.", error)} if form.has_choices else {}
    responses |= {
        "401": form.response("The user is not logged in to the system.", error),
        "500": form.response("Internal server error.", error),
    }
    head = {"tags": [entity.name], "operationId": f"{entity.name}_{name}", "parameters": parameters}
    media = {} if form.openapi else {"produces": list(MEDIA_TYPES)}
    return head | media | {"responses": responses | done}


def _with_body(operation: Json, body: Json) -> Json:
    parameters = operation["parameters"] + body.get("parameters", [])
    return operation | body | {"parameters": parameters}


def _add_schemas(schemas: Json, shape: Shape, form: Format) -> None:
    properties: Json = {each.name: form.reference(f"{each.kind.value}Value") for each in shape.fields}
    for part in (*shape.collections, *shape.links):
        properties[part.name] = _part(shape, part, form)
        _add_schemas(schemas, part.shape, form)
    schemas[shape.schema] = extends("Entity", properties, form)


def _part(shape: Shape, part: Part, form: Format) -> Json:
    if part not in shape.collections:
        return form.one_of(part.shape.schema)
    return form.nullable({"type": "array", "items": form.reference(part.shape.schema)})


def _add_actions(schema: Json, entity: Entity, form: Format) -> None:
    actions = {"type": "object", "additionalProperties": form.reference(f"{entity.name}CustomAction")}
    schema["allOf"][1]["properties"]["_workflowActions"] = form.nullable(actions)


def _action(entity: Entity, form: Format) -> Json:
    properties = {"entity": form.reference(entity.schema), "parameters": {"type": "object"}}
    return {"required": ["entity"], "type": "object", "properties": properties}
