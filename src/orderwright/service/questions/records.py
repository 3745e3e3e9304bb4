"""Fills and signals, as the log has them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from orderwright.core.model import Action, OrderSide
from orderwright.executors.words import word_of
from orderwright.market.symbols import parse_symbol
from orderwright.ports import Journal, Row
from orderwright.service.parts import Call
from orderwright.service.questions.asking import Limit, Rows, Scope, ask, check_order, moment, shown
from orderwright.service.routing import Route
from orderwright.service.wanted import Short


class AskFills(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order_id: an order's id or number. start: from when. limit: at most so many, the newest."""

    symbol: Short = ""
    side: Short = ""
    strategy: Short = ""
    order_id: Short = ""
    start: Short = ""
    limit: Limit = 100


class AskSignals(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """verdict: accepted or refused. start: from when. limit: at most so many, the newest."""

    symbol: Short = ""
    action: Short = ""
    strategy: Short = ""
    signal_id: Short = ""
    verdict: Short = ""
    start: Short = ""
    limit: Limit = 100


class Fills(Struct, frozen=True, kw_only=True):
    """Fills that stand (neither corrected nor busted), oldest first."""

    fills: Rows


class Signals(Struct, frozen=True, kw_only=True):
    """Signals with their verdicts, oldest first."""

    signals: Rows


async def fills(call: Call[None, AskFills]) -> Fills:
    """The newest fills of what the query names."""
    asked = call.query
    where = _where(asked, "symbol", "strategy", "exchange", "account", "user_id")
    if asked.side:
        where["side"] = word_of(asked.side, "side", OrderSide).value
    if asked.order_id:
        book, order_id = call.service.door.locate(call.principal, asked.order_id)
        where |= {"order_id": order_id, "book": book}
    start, end = moment(asked.start, "start"), moment(asked.as_of, "as_of")
    check_order(start, end)

    def question(journal: Journal) -> list[Row]:
        rows = journal.history("fills", where=where, limit=2 * asked.limit, since=start, as_of=end)
        gone = {(row["order_id"], row["execution_id"]) for row in rows if not row["standing"]}
        standing = [row for row in rows if row["standing"] and (row["order_id"], row["execution_id"]) not in gone]
        return standing[-asked.limit :]

    return Fills(fills=shown(await ask(call, question)))


async def signals(call: Call[None, AskSignals]) -> Signals:
    """The newest signals of what the query names."""
    asked = call.query
    where = _where(asked, "symbol", "strategy", "account", "user_id", "signal_id", "verdict")
    if asked.action:
        where["action"] = word_of(asked.action, "action", Action).value
    start, end = moment(asked.start, "start"), moment(asked.as_of, "as_of")
    check_order(start, end)
    rows = await ask(
        call, lambda journal: journal.history("signals", where=where, limit=asked.limit, since=start, as_of=end)
    )
    return Signals(
        signals=[{**one, "raw": msgspec.json.decode(row["raw"])} for one, row in zip(shown(rows), rows, strict=True)]
    )


def _where(asked: Any, *names: str) -> dict[str, object]:
    found: dict[str, object] = {name: value for name in names if (value := getattr(asked, name))}
    if "symbol" in found:
        found["symbol"] = parse_symbol(asked.symbol)
    if "verdict" in found:
        found["verdict"] = asked.verdict.lower()
    return found


ROUTES = [
    Route(
        "GET",
        "/api/fills",
        fills,
        query=AskFills,
        answers={200: Fills, 403: None, 404: None, 422: None, 503: None},
        summary="Fills",
        tag="orders",
    ),
    Route(
        "GET",
        "/api/signals",
        signals,
        query=AskSignals,
        answers={200: Signals, 403: None, 422: None, 503: None},
        summary="Signals and what became of them",
        tag="signals",
    ),
]

__all__ = ["ROUTES"]
