"""GET /docs: the OpenAPI document as a page for people. One file, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from typing import Any

from orderwright.service.openapi import MEANS, document, statuses
from orderwright.service.problems import TITLES
from orderwright.service.routing import Route

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --get: #1a7f52; --post: #a25a00 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; text-transform: capitalize }
pre { background: var(--soft); padding: .7rem; overflow: auto; border-radius: .4rem; font-size: 13px }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .2rem .7rem }
details[open] { padding-bottom: .7rem } summary { cursor: pointer; padding: .3rem 0 }
table { border-collapse: collapse; width: 100%; font-size: 14px } td, th { text-align: left; vertical-align: top;
padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line) }
.method { display: inline-block; width: 3.6rem; font-weight: 700 } .get { color: var(--get) }
.post { color: var(--post) }
.path { font-family: ui-monospace, monospace } .said { color: #777; margin-left: .6rem }
.scope { float: right; color: #777 } nav a { margin-right: 1rem; white-space: nowrap }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
REFUSALS = "what is refused"
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ADDRESS = "{address of the service}"
"""Stands in the page where the address goes under which the reader has found the service."""
Json = dict[str, Any]


def page(routes: Sequence[Route]) -> str:
    """The page."""
    said = document(routes)
    scopes = {(route.path, route.method.lower()): route.scope for route in routes}
    parts = [_section(tag["name"], said, scopes) for tag in said["tags"]]
    about = "".join(f"<p>{_marked(part)}</p>" for part in said["info"]["description"].split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orderwright</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>Orderwright {escape(said['info']['version'])}</h1>{about}"
        '<p>The same for machines: <a href="/openapi.json">openapi.json</a></p>'
        f"<nav>{_contents(said)}</nav>{_pre(f'export URL={ADDRESS} KEY=ow_...')}"
        f"{''.join(parts)}{_refusals(routes)}</body></html>"
    )


def _contents(said: Json) -> str:
    names = [tag["name"] for tag in said["tags"]]
    return "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in [*names, REFUSALS])


def _anchor(name: str) -> str:
    return escape(name.replace(" ", "-"))


def _refusals(routes: Sequence[Route]) -> str:
    """What a status means, the same at every route: said once."""
    found = sorted({status for route in routes for status in statuses(route) if status >= 400})
    rows = "".join(
        f"<tr><td>{status}</td><td>{_marked(MEANS.get(status, HTTPStatus(status).phrase))}</td></tr>"
        for status in found
    )
    example = {
        "type": "urn:orderwright:max_order_value",
        "title": TITLES[422],
        "status": 422,
        "detail": "the order's value is above the limit",
        "code": "max_order_value",
        "field": "quantity",
        "value": "1",
        "nearest": "0.02",
    }
    about = _marked("A refusal is a problem document (RFC 9457), `application/problem+json`:")
    return (
        f'<h2 id="{_anchor(REFUSALS)}">{REFUSALS}</h2><p>{about}</p>{_pre(json.dumps(example, indent=2))}'
        f"<table>{rows}</table>"
    )


def _section(tag: str, said: Json, scopes: dict[tuple[str, str], str | None]) -> str:
    shown = [
        _operation(method, path, operation, scopes[path, method], said["components"]["schemas"])
        for path, methods in said["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(shown)}'


def _operation(method: str, path: str, operation: Json, scope: str | None, schemas: Json) -> str:
    needs = f'<span class="scope">{escape(scope)}</span>' if scope else ""
    head = (
        f'<summary>{needs}<span class="method {method}">{method.upper()}</span><span class="path">{escape(path)}</span>'
        f'<span class="said">{escape(operation["summary"])}</span></summary>'
    )
    body = f"<p>{_marked(operation['description'])}</p>{_fields(operation, schemas)}"
    shown = f"{head}{body}{_curl(method, path, operation, scope)}{_answers(operation)}"
    return f'<details id="{escape(operation["operationId"])}">{shown}</details>'


def _fields(operation: Json, schemas: Json) -> str:
    fields = [
        (one["name"], one["in"], one["required"], one["schema"], one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    record = schemas.get(name, {})
    needed = record.get("required", ())
    for field, schema in record.get("properties", {}).items():
        fields.append((field, "body", field in needed, schema, schema.get("description", "")))
    if not fields:
        return ""
    rows = "".join(
        f'<tr><td class="path">{escape(field)}</td><td>{where}{", needed" if is_needed else ""}</td>'
        f"<td>{escape(kind_of(schema))}</td><td>{_marked(meaning)}</td></tr>"
        for field, where, is_needed, schema, meaning in fields
    )
    return f"<p>{_marked(record.get('description', ''))}</p><table>{rows}</table>"


def kind_of(schema: Json) -> str:
    """A type in a few words."""
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("format") == "decimal" or "decimal" in json.dumps(schema.get("anyOf", "")):
        return "decimal"
    if "anyOf" in schema:
        return " | ".join(kind_of(one) for one in schema["anyOf"] if one != {"type": "null"})
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _curl(method: str, path: str, operation: Json, scope: str | None) -> str:
    words = [f'curl -X {method.upper()} "$URL{path}"']
    if scope is not None:
        words.append('-H "Authorization: Bearer $KEY"')
    example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if example is not None:
        words += ['-H "Content-Type: application/json"', f"-d '{json.dumps(example)}'"]
    return _pre(" \\\n  ".join(words))


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _answers(operation: Json) -> str:
    shown, refusals = [], []
    for status, answer in operation["responses"].items():
        if status >= "400":
            refusals.append(status)
            continue
        example = answer.get("content", {}).get("application/json", {}).get("example")
        sample = _pre(json.dumps(example, indent=2)) if example is not None else ""
        shown.append(f"<tr><td>{status}</td><td>{_marked(answer['description'])}{sample}</td></tr>")
    link = f'<a href="#{_anchor(REFUSALS)}">what they mean</a>'
    also = f"<p>Refused with {', '.join(refusals)}: {link}</p>" if refusals else ""
    return f"<table>{''.join(shown)}</table>{also}"


def _marked(text: str) -> str:
    """Prose with `code` in it."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


__all__ = ["ADDRESS", "POLICY", "page"]
