"""The OpenAPI 3.1 document, from the table of routes: what is served is what is described.

Records become schemas by msgspec. Money comes in as a JSON string or number (read from its own digits) and goes out as
a string. Every refusal is an RFC 9457 problem document; which statuses a route can answer with is listed at each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from orderwright import __version__
from orderwright.service.examples import example_of
from orderwright.service.field_words import meaning_of
from orderwright.service.problems import MEDIA_TYPE, TITLES
from orderwright.service.routing import Route

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
PROBLEM = REF.format(name="Problem")
_MONEY = {"type": "string", "format": "decimal"}
_MONEY_IN = {
    "description": "A decimal number, as text or as a JSON number; it is read from its digits, never through a float.",
    "anyOf": [
        {"type": "string", "format": "decimal", "pattern": r"^[+-]?[0-9]{1,18}(\.[0-9]{1,18})?$"},
        {"type": "number"},
    ],
}
_ALWAYS = (400, 408, 413, 414, 431, 503)
MEANS = {
    **TITLES,
    400: "This is no request, or no JSON",
    401: "No key, or none that is good",
    403: "Not allowed with this key",
    404: "Not found among what this key sees",
    422: "Understood, and refused: `code`, `field`, `value` and `nearest` say why and what would pass",
    429: "Asked too often: wait for `Retry-After` seconds",
    503: "Busy, starting or stopping: nothing was done; try again after `Retry-After` seconds",
}
ABOUT = """The order layer for algorithmic traders. Orders are checked, written to a log, and only then sent.

Send your key as `Authorization: Bearer ow_...` or `X-API-Key`. Money is decimal text in answers; in requests text or a
number. Times are ISO 8601, UTC. An `idempotency_key` makes a create safe to repeat. Events come, and orders go, over
the WebSocket `/api/stream` too."""
_PROBLEM: Json = {
    "type": "object",
    "description": "An RFC 9457 problem document.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "`urn:orderwright:` and the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, as a sentence."},
        "code": {"type": "string", "description": "A word that stays the same between versions."},
        "field": {"type": "string", "description": "Which field is to blame."},
        "value": {"description": "What it said."},
        "nearest": {"description": "The nearest value that would pass."},
    },
}


def document(routes: Sequence[Route]) -> Json:
    """The whole document, as plain values."""
    components = _components(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    schemas: Json = dict(sorted({**components.schemas, "Problem": _PROBLEM}.items()))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orderwright", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag or "other" for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`ow_...`, as `orderwright keys` issues it.",
                },
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


class _Components(Struct):
    """schemas: by name. of: the schema of each type, by its identity; those of requests apart from those of answers."""

    schemas: Json
    asked: dict[int, Json]
    answered: dict[int, Json]


def _components(routes: Iterable[Route]) -> _Components:
    asked = list({id(one): one for route in routes for one in (route.body, route.query) if one is not None}.values())
    said = [one for route in routes for one in route.answers.values() if one is not None]
    answered = list({id(one): one for one in said}.values())
    schemas_in, named_in = msgspec.json.schema_components(asked, ref_template=REF)
    schemas_out, named_out = msgspec.json.schema_components(answered, ref_template=REF)
    found = {name: _with_meaning(name, _with_money(schema)) for name, schema in named_in.items()}
    renamed = {name: f"{name}Answer" for name in named_out if name in named_in}
    found |= {renamed.get(name, name): _renamed(schema, renamed) for name, schema in named_out.items()}
    return _Components(
        schemas=found,
        asked={id(one): schema for one, schema in zip(asked, schemas_in, strict=True)},
        answered={id(one): _renamed(schema, renamed) for one, schema in zip(answered, schemas_out, strict=True)},
    )


def _with_money(schema: Any) -> Any:
    """A schema with numbers for money too."""
    if isinstance(schema, dict):
        if {name: schema.get(name) for name in _MONEY} == _MONEY:
            return {**_MONEY_IN, **{name: value for name, value in schema.items() if name not in _MONEY}}
        return {name: _with_money(value) for name, value in schema.items()}
    return [_with_money(one) for one in schema] if isinstance(schema, list) else schema


def _with_meaning(name: str, schema: Json) -> Json:
    """A record of a request, with what its fields mean."""
    fields = {
        field: its if "description" in its or not (said := meaning_of(field, name)) else {**its, "description": said}
        for field, its in schema.get("properties", {}).items()
    }
    return {**schema, "properties": fields} if fields else schema


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """A schema where a component has another name, and tuples are lists of several kinds."""
    if isinstance(schema, dict):
        if "prefixItems" in schema:  # few tools know it
            kinds = [_renamed(one, names) for one in schema["prefixItems"]]
            several = {"items": {} if {} in kinds else {"anyOf": kinds}}
            return {name: value for name, value in schema.items() if name != "prefixItems"} | several
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return {**schema, "$ref": REF.format(name=names.get(name, name))}
        return {name: _renamed(value, names) for name, value in schema.items()}
    return [_renamed(one, names) for one in schema] if isinstance(schema, list) else schema


def _operation(route: Route, components: _Components) -> Json:
    said: Json = {
        "operationId": _id_of(route),
        "summary": route.summary or (route.handler.__doc__ or "").partition("\n")[0],
        "description": _description(route),
        "tags": [route.tag or "other"],
        "security": [] if route.scope is None else [{"key": []}, {"header": []}],
        "responses": {
            str(status): _response(status, route.answers.get(status), components) for status in statuses(route)
        },
    }
    parameters = [*_in_path(route), *_in_query(route, components)]
    if parameters:
        said["parameters"] = parameters
    if route.method == "POST" and (route.body is not None or route.raw):
        said["requestBody"] = _request_body(route, components)
    return said


def _description(route: Route) -> str:
    said = " ".join((route.handler.__doc__ or "").split())
    return said if route.scope is None else f"{said} Needs a key of scope {route.scope}.".strip()


def _id_of(route: Route) -> str:
    words = route.path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")
    return "_".join([route.method.lower(), *(word for word in words if word != "api")])


def statuses(route: Route) -> list[int]:
    """Every status that a route can answer with, faults of ours (500) left out."""
    found = {*route.answers, *_ALWAYS}
    if route.scope is not None:
        found |= {401, 403, 429}
    if route.path.count("{"):
        found.add(404)
    if route.path.count("{") or route.body is not None or route.query is not None:
        found.add(422)
    if route.body is not None:
        found.add(415)
    if route.scope is None:
        found.add(403)  # a service without keys turns other machines away
    return sorted(found)


def _response(status: int, record: Any, components: _Components) -> Json:
    if record is None and status >= 400:
        example = {
            "type": "urn:orderwright:example",
            "title": TITLES.get(status, HTTPStatus(status).phrase),
            "status": status,
            "detail": MEANS.get(status, HTTPStatus(status).phrase),
            "code": "example",
        }
        content: Json = {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}, "example": example}}
        return {"description": MEANS.get(status, HTTPStatus(status).phrase), "content": content}
    description = HTTPStatus(status).phrase
    if record is None:
        return {"description": description}
    if record is str:
        return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}
    schema = components.answered[id(record)]
    example = example_of(schema, components.schemas)
    kinds: Json = {"application/json": {"schema": schema, "example": example}}
    if status >= 400:  # a record of its own, or a refusal like any other
        kinds[MEDIA_TYPE] = {"schema": {"$ref": PROBLEM}}
    return {"description": description, "content": kinds}


def _in_path(route: Route) -> list[Json]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": meaning_of(name)}
        for name in names
    ]


def _in_query(route: Route, components: _Components) -> list[Json]:
    if route.query is None:
        return []
    record = components.schemas[components.asked[id(route.query)]["$ref"].rpartition("/")[2]]
    examples = route.example if isinstance(route.example, dict) and route.method == "GET" else {}
    found = []
    for name, schema in record.get("properties", {}).items():
        parameter: Json = {"name": name, "in": "query", "schema": _without_null(schema)}
        parameter["required"] = name in record.get("required", ())
        if "description" in schema:
            parameter["description"] = schema["description"]
        if name in examples:
            parameter["example"] = examples[name]
        found.append(parameter)
    return found


def _without_null(schema: Json) -> Json:
    """What a query can say: a text is never null."""
    said = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    if "anyOf" not in said:
        return said
    kinds = [one for one in said.pop("anyOf") if one != {"type": "null"}]
    return {**said, "anyOf": kinds} if len(kinds) > 1 else {**said, **kinds[0]}


def _request_body(route: Route, components: _Components) -> Json:
    if route.body is None:
        return {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": route.example},
                "text/plain": {"schema": {"type": "string"}},
            },
        }
    schema = components.asked[id(route.body)]
    said: Json = {"schema": schema}
    if route.example is not None:
        said["example"] = route.example
    return {"required": not route.raw, "content": {"application/json": said}}


__all__ = ["MEANS", "document", "statuses"]
