"""Implementation shortfall: published examples, and that its parts add up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.analytics.shortfall import OrderShortfall, shortfall
from orderwright.core.model import OrderSide
from orderwright.core.numbers import ZERO
from orderwright.errors import InputError

BUY, SELL = OrderSide.BUY, OrderSide.SELL
PLACES = {"explicit": "fees", "realized": "impact", "delay": "delay", "missed_trade_opportunity": "opportunity"}


def _examples(shared: Path) -> list[dict[str, Any]]:
    cases = json.loads((shared / "cases" / "execution_examples.json").read_text(), parse_float=Decimal)
    examples: list[dict[str, Any]] = cases["implementation_shortfall"]
    return examples


def _of(example: dict[str, Any]) -> OrderShortfall:
    words = {name: Decimal(value) for name, value in example["input"].items() if name not in ("side", "fills")}
    fills = [(Decimal(price), Decimal(quantity)) for price, quantity in example["input"]["fills"]]
    return shortfall(
        OrderSide(example["input"]["side"]),
        words["ordered"],
        words["decision_price"],
        fills,
        send_price=words.get("prior_close_before_execution"),
        fees=words["commission"],
        end_price=words.get("cancel_price"),
    )


@pytest.mark.parametrize("number", range(3))
def test_the_worked_examples_come_out_to_the_exact_digits(shared: Path, number: int) -> None:
    example = _examples(shared)[number]
    found = _of(example)
    parts = {name: found.fraction(getattr(found, part)) for name, part in PLACES.items()}
    parts["total"] = found.fraction(found.total)

    for name, value in example["exact"].items():
        assert float(parts[name]) == pytest.approx(float(value), rel=1e-13), name  # they were made of doubles


@pytest.mark.parametrize("number", range(3))
def test_the_worked_examples_come_out_as_they_were_published(shared: Path, number: int) -> None:
    example = _examples(shared)[number]
    found = _of(example)
    money = {"delay_$": found.delay, "realized_$": found.impact, "opportunity_$": found.opportunity}

    for name, published in example["published"].items():
        if name in money:
            assert money[name] == published, name
        else:
            part = found.total if name == "total" else getattr(found, PLACES[name])
            step = Decimal(1).scaleb(Decimal(published).as_tuple().exponent)  # type: ignore[arg-type]  # finite
            assert abs(found.fraction(part) - published) <= step / 2, name  # a tie is rounded either way


def test_a_sale_costs_when_the_price_falls() -> None:
    found = shortfall(
        SELL,
        Decimal(10),
        Decimal(100),
        [(Decimal(98), Decimal(6))],
        send_price=Decimal(99),
        fees=Decimal(1),
        end_price=Decimal(95),
    )

    assert found == OrderShortfall(
        paper=Decimal(1_000), delay=Decimal(6), impact=Decimal(6), fees=Decimal(1), opportunity=Decimal(20)
    )
    assert (found.total, found.fraction(found.total)) == (Decimal(33), Decimal("0.033"))


numbers = st.decimals("0.000001", "1000000", places=6)


@given(
    side=st.sampled_from([BUY, SELL]),
    decision=numbers,
    send=numbers,
    end=numbers,
    fees=st.decimals("-10", "10", places=9),
    fills=st.lists(st.tuples(numbers, numbers), max_size=5),
    rest=numbers | st.just(ZERO),
)
def test_the_parts_add_up_to_paper_less_real_profit(
    side: OrderSide,
    decision: Decimal,
    send: Decimal,
    end: Decimal,
    fees: Decimal,
    fills: list[tuple[Decimal, Decimal]],
    rest: Decimal,
) -> None:
    """Perold's definition, whatever the end price is: both portfolios are valued at it."""
    filled = sum((quantity for _, quantity in fills), ZERO)
    quantity = filled + rest
    if not quantity:
        return
    found = shortfall(side, quantity, decision, fills, send_price=send, fees=fees, end_price=end)
    sign = 1 if side is BUY else -1
    paper = sign * quantity * (end - decision)
    real = sign * (end * filled - sum((price * part for price, part in fills), ZERO)) - fees

    assert found.total == paper - real == found.delay + found.impact + found.fees + found.opportunity


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": Decimal(0)}, "quantity: 0 is not positive"),
        ({"decision_price": Decimal(-1)}, "decision_price: -1 is not positive"),
        ({"fills": [(Decimal(0), Decimal(1))]}, "fills: 0 is not positive"),
        ({"fills": [(Decimal(9), Decimal(3))]}, r"fills: 3 filled of 2 \(nearest: 2\)"),
        ({"fills": [(Decimal(9), Decimal("0.5"))]}, r"end_price: 1\.5 did not fill: what was its price in the end\?"),
    ],
)
def test_what_cannot_be_priced_is_named(changes: dict[str, Any], message: str) -> None:
    words: dict[str, Any] = {"side": BUY, "quantity": Decimal(2), "decision_price": Decimal(9), "fills": []}
    with pytest.raises(InputError, match=message):
        shortfall(**(words | changes))
