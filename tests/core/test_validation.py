"""Is an order well formed, and does it fit its instrument? Every refusal of the bands 1xx and 2xx, as a table."""

import decimal
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    SECOND,
    Account,
    Instruction,
    Instrument,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    RiskLimits,
    Settings,
)
from orderwright.core.numbers import EXACT, VALUE_LIMIT, moment, text
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import Sized, size
from orderwright.core.validation import fit, shape
from tests.builders import (
    NOW,
    Harness,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_market_buy,
    a_quote,
    an_id,
    an_instrument,
)
from tests.tables import order_of, rows, words

# The market is 99.99 / 100.01, tick 0.01, step 0.001, where the row does not say otherwise.
REFUSALS = """
    order                                              | market                    | reason                  | field          | nearest
    # the shape of the order
    buy - market                                       |                           | quantity_missing        | quantity       |
    buy - limit price=100 quote_quantity=50            |                           | quantity_missing        | quote_quantity |
    buy - market quote_quantity=0                      |                           | quantity_not_positive   | quote_quantity |
    buy 0 market                                       |                           | quantity_not_positive   | quantity       |
    sell -1 limit price=100                            |                           | quantity_not_positive   | quantity       |
    buy 1 market quote_quantity=50                     |                           | quantity_twice          | quote_quantity |
    buy 1 limit                                        |                           | price_missing           | price          |
    sell 1 stop_loss_limit stop_price=90               |                           | price_missing           | price          |
    sell 1 take_profit_limit stop_price=110            |                           | price_missing           | price          |
    buy 1 market price=100                             |                           | price_unwanted          | price          |
    sell 1 stop_loss stop_price=90 price=89            |                           | price_unwanted          | price          |
    sell 1 take_profit stop_price=110 price=111        |                           | price_unwanted          | price          |
    buy 1 limit price=0                                |                           | price_not_positive      | price          |
    buy 1 limit price=-100                             |                           | price_not_positive      | price          |
    sell 1 stop_loss                                   |                           | stop_price_missing      | stop_price     |
    sell 1 stop_loss_limit price=89                    |                           | stop_price_missing      | stop_price     |
    sell 1 take_profit                                 |                           | stop_price_missing      | stop_price     |
    buy 1 market stop_price=90                         |                           | stop_price_unwanted     | stop_price     |
    buy 1 limit price=100 stop_price=90                |                           | stop_price_unwanted     | stop_price     |
    sell 1 stop_loss stop_price=-90                    |                           | stop_price_not_positive | stop_price     |
    sell 1 stop_loss stop_price=90 ioc                 |                           | time_in_force           | time_in_force  | gtc
    sell 1 take_profit stop_price=110 fok              |                           | time_in_force           | time_in_force  | gtc
    buy 1 limit price=100 gtd                          |                           | expiry_missing          | expire_at      |
    buy 1 limit price=100 expire=+60                   |                           | expiry_unwanted         | expire_at      |
    buy 1 limit price=100 day expire=+60               |                           | expiry_unwanted         | expire_at      |
    buy 1 limit price=100 gtd expire=-1                |                           | expiry_past             | expire_at      |
    buy 1 limit price=100 gtd expire=0                 |                           | expiry_past             | expire_at      |
    buy 1 market post_only                             |                           | post_only               | post_only      | false
    buy 1 limit price=100 ioc post_only                |                           | post_only               | post_only      | false
    buy 1 limit price=100 execute=-1                   |                           | execute_at_past         | execute_at     |
    buy 1 limit price=100 gtd expire=+9 execute=+9     |                           | expiry_past             | expire_at      |
    buy 1 limit price=100 gtd expire=+8 execute=+9     |                           | expiry_past             | expire_at      |
    # the instrument
    buy 1 limit price=100 account=man                  |                           | unknown_account         | account        | main
    buy 1 limit price=100 account=someone              |                           | unknown_account         | account        |
    buy 1 limit price=100 symbol=BTC/USDC              |                           | unknown_symbol          | symbol         | BTC/USDT
    buy 1 limit price=100                              | closed                    | not_trading             | symbol         |
    buy 1 limit price=100.004                          |                           | price_off_tick          | price          | 100
    buy 1 limit price=100.005                          |                           | price_off_tick          | price          | 100.01
    buy 1 limit price=0.001                            |                           | price_off_tick          | price          | 0.01
    sell 1 limit price=100.1                           | tick=0.25                 | price_off_tick          | price          | 100
    buy 1 limit price=49.99                            | low=50                    | price_too_low           | price          | 50
    buy 1 limit price=49.5                             | low=49.9 tick=0.25        | price_too_low           | price          | 50
    buy 1 limit price=200.01                           | high=200                  | price_too_high          | price          | 200
    sell 1 stop_loss stop_price=90.001                 |                           | stop_price_off_tick     | stop_price     | 90
    sell 1 stop_loss stop_price=49                     | low=50                    | price_too_low           | stop_price     | 50
    buy 1.0005 limit price=100                         |                           | quantity_off_step       | quantity       | 1
    buy 1.9999 limit price=100                         |                           | quantity_off_step       | quantity       | 1.999
    buy 0.0005 limit price=100                         |                           | quantity_too_small      | quantity       | 0.001
    buy 0.004 limit price=100                          | min=0.005                 | quantity_too_small      | quantity       | 0.005
    buy 0.004 limit price=100                          | min=0.0055                | quantity_too_small      | quantity       | 0.006
    buy - market quote_quantity=0.01                   |                           | quantity_too_small      | quantity       | 0.001
    buy 5.001 limit price=100                          | max=5                     | quantity_too_large      | quantity       | 5
    buy 3 limit price=100                              | max=2.9995                | quantity_too_large      | quantity       | 2.999
    buy 3 market                                       | max=5 market_max=2        | quantity_too_large      | quantity       | 2
    buy 0.049 limit price=100                          | min_notional=5            | value_too_small         | quantity       | 0.05
    buy 0.001 limit price=99.97                        | min_notional=7            | value_too_small         | quantity       | 0.071
    sell 0.001 market                                  | min_notional=5            | value_too_small         | quantity       | 0.051
    buy 10.001 limit price=100                         | max_notional=1000         | value_too_large         | quantity       | 10
    buy 11 limit price=99.97                           | max_notional=1000         | value_too_large         | quantity       | 10.003
    buy 1000000000000000000 limit price=100            |                           | value_too_large         | quantity       | 999999999999999999.999
    buy 1 limit price=105.02                           | collar=500                | price_collar            | price          | 105.01
    sell 1 limit price=94.99                           | collar=500                | price_collar            | price          | 95
    sell 1 limit price=94.5                            | collar=500 tick=0.5       | price_collar            | price          | 95
    buy 1 limit price=100                              | collar=500 stale          | no_market_price         | symbol         |
    buy 1 market                                       | stale                     | no_market_price         | symbol         |
    buy - market quote_quantity=50                     | stale                     | no_market_price         | symbol         |
"""  # noqa: E501  # a table

PASSES = """
    order                                         | market
    buy 1 market                                  |
    buy - market quote_quantity=50                |
    sell 1 market                                 | stale   # it only reduces
    buy 1 limit price=100                         | stale   # it has a price of its own
    sell 1 stop_loss stop_price=90                | stale
    buy 1 stop_loss stop_price=110                | stale collar=500  # no limit price to measure
    buy 1 market ioc                              |
    buy 1 limit price=100 fok                     |
    buy 1 limit price=100 post_only               |
    buy 1 limit price=100 day                     |
    buy 1 limit price=100 gtd expire=+1           |
    buy 1 limit price=100 execute=0               |
    buy 1 limit price=100 gtd expire=+9 execute=+8 |
    sell 1 stop_loss stop_price=90                |
    sell 1 stop_loss_limit stop_price=90 price=89 |
    sell 1 take_profit stop_price=110             |
    buy 0.05 limit price=100                      | min_notional=5
    buy 10 limit price=100                        | max_notional=1000
    buy 1 limit price=105.01                      | collar=500
    sell 1 limit price=95                         | collar=500
    sell 1 limit price=200                        | collar=500  # far on its own side
"""

_LIMITS = {
    "tick": "tick_size",
    "min": "min_quantity",
    "max": "max_quantity",
    "market_max": "market_max_quantity",
    "min_notional": "min_notional",
    "max_notional": "max_notional",
    "low": "price_min",
    "high": "price_max",
}


def harness_of(market: str) -> Harness:
    """A book in the market that a row describes, rich enough for any order."""
    said = words(market)
    limits: dict[str, Any] = {_LIMITS[name]: Decimal(value) for name, value in said.items() if name in _LIMITS}
    collar = Decimal(said["collar"]) if "collar" in said else None
    return a_harness(
        instruments=[an_instrument(trading="closed" not in said, **({"step_size": Decimal("0.001")} | limits))],
        settings=Settings(collar_bps=collar),
        deposits={"USDT": 10**30, "BTC": 10**30},
        quote=a_quote(time=NOW - 61 * SECOND if "stale" in said else NOW),
    )


def refusal_of(harness: Harness, order: Instruction) -> Refusal | None:
    """Why the core refuses an order; None where it sends it or lets it wait."""
    _, actions = harness.submit(order)
    return next((action.refusal for action in actions if isinstance(action, m.Reply)), None)


@pytest.mark.parametrize("row", rows(REFUSALS), ids=str)
def test_an_order_that_does_not_fit_is_refused_with_field_value_and_the_nearest_that_passes(
    row: dict[str, str],
) -> None:
    harness, order = harness_of(row["market"]), order_of(row["order"])

    refusal = refusal_of(harness, order)

    assert refusal is not None
    assert (refusal.code, refusal.field, refusal.nearest) == (row["reason"], row["field"], row["nearest"] or None)
    given = getattr(order, refusal.field)
    if given is not None:
        shown = str(given).lower() if isinstance(given, bool) else str(given)
        if refusal.field in ("expire_at", "execute_at"):
            shown = moment(given)
        assert refusal.value == (text(given) if isinstance(given, Decimal) else shown)
    kinds = [m.kind_of(event) for event in harness.events]
    assert kinds == ["order_received", "order_denied"]
    assert harness.order().status is OrderStatus.DENIED
    assert harness.order().code == row["reason"]


@pytest.mark.parametrize("row", [row for row in rows(REFUSALS) if row["nearest"]], ids=str)
def test_the_nearest_value_passes_when_it_is_tried(row: dict[str, str]) -> None:
    harness, order = harness_of(row["market"]), order_of(row["order"])
    if order.quote_quantity is not None:
        order = structs.replace(order, quote_quantity=None)
    old: object = getattr(order, row["field"])
    new: object = Decimal(row["nearest"]) if isinstance(old, Decimal) or old is None else row["nearest"]
    if isinstance(old, bool):
        new = False

    assert refusal_of(harness, structs.replace(order, **{row["field"]: new})) is None


@pytest.mark.parametrize("row", rows(PASSES), ids=str)
def test_an_order_that_fits_passes(row: dict[str, str]) -> None:
    assert refusal_of(harness_of(row["market"]), order_of(row["order"])) is None


def test_the_first_guard_that_is_not_met_gives_the_refusal() -> None:
    """One order with everything wrong; each refusal mended shows the next one, in the documented order."""
    harness = harness_of("min=0.01 max=5 low=50 high=200 max_notional=400 collar=500")
    order = order_of("buy 0 limit price=0 expire=-1 post_only")
    mended = [
        ("quantity_not_positive", {"quantity": Decimal("7.0005")}),
        ("price_not_positive", {"price": Decimal("300.001")}),
        ("expiry_unwanted", {"expire_at": None}),
        ("price_off_tick", {"price": Decimal("300")}),
        ("price_too_high", {"price": Decimal("110")}),
        ("quantity_off_step", {"quantity": Decimal("7")}),
        ("quantity_too_large", {"quantity": Decimal("5")}),
        ("value_too_large", {"quantity": Decimal("1")}),
        ("price_collar", {"price": Decimal("105")}),
    ]
    for number, (code, mend) in enumerate(mended):
        refusal = refusal_of(harness, structs.replace(order, order_id=f"{number:030x}"))
        assert refusal is not None
        assert refusal.code == code
        order = structs.replace(order, **mend)  # type: ignore[arg-type]
    assert refusal_of(harness, structs.replace(order, order_id=f"{99:030x}")) is None


def test_a_refusal_reads_as_a_sentence() -> None:
    refusal = refusal_of(harness_of(""), a_limit_buy("1.0005", 100))

    assert str(refusal) == "quantity 1.0005: not a multiple of the step size 0.001 (nearest that passes: 1)"


def test_a_key_longer_than_128_characters_is_refused_and_nothing_of_it_is_kept() -> None:
    harness = harness_of("")
    longest, too_long = "k" * 128, "k" * 129
    _, actions = harness.submit(a_limit_buy(1, 100, idempotency_key=too_long))
    refusal = Refusal(Reason.KEY_TOO_LONG, "longer than 128 characters", "idempotency_key", "k" * 32 + "...")

    assert (actions, harness.events) == ([m.Reply(outcome="refused", order_id=an_id(), refusal=refusal)], [])
    assert refusal_of(harness, a_limit_buy(1, 100, idempotency_key=longest)) is None


def test_a_limit_that_needs_a_value_of_the_market_refuses_what_adds_when_the_market_is_stale() -> None:
    settings = Settings(limits=RiskLimits(max_position_value=Decimal(10_000)))
    harness = a_harness(settings=settings, deposits={"USDT": 10_000, "BTC": 1}, quote=a_quote(time=NOW - 61 * SECOND))
    adds, reduces = a_limit_buy(1, 100), a_limit_sell(1, 100, number=2)
    refusal = refusal_of(harness, adds)

    assert refusal is not None
    assert refusal.code == "no_conversion_price"
    assert refusal_of(harness, reduces) is None


# Whatever the instrument: the nearest value passes the guard that named it.


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    tick = Decimal(draw(st.sampled_from(["0.01", "0.25", "0.5", "1", "3", "0.00000001"])))
    step = Decimal(draw(st.sampled_from(["0.001", "0.3", "1", "10", "0.00000001"])))
    some = st.none() | st.decimals("0.01", 100, places=4)
    low, high = draw(some), draw(st.none() | st.decimals(200, 1000, places=4))
    return an_instrument(
        tick_size=tick,
        step_size=step,
        min_quantity=draw(st.decimals(0, 3, places=4)),
        max_quantity=draw(st.none() | st.decimals(30, 60, places=4)),
        market_max_quantity=draw(st.none() | st.decimals(15, 30, places=4)),
        min_notional=draw(st.decimals(0, 100, places=3)),
        max_notional=draw(st.none() | st.decimals(5000, 10_000, places=3)),
        price_min=low,
        price_max=high,
    )


prices = st.decimals("0.01", 1200, places=4)
quantities = st.decimals("0.0001", 100, places=5) | st.sampled_from([Decimal(10) ** 17, Decimal(10) ** 18])


@given(
    instruments(),
    st.sampled_from(OrderSide),
    st.sampled_from([OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS]),
    quantities,
    prices,
    st.none() | st.decimals(0, 2000, places=1),
)
@example(an_instrument(), OrderSide.BUY, OrderType.LIMIT, Decimal(10) ** 18, Decimal(100), None)
def test_the_nearest_value_passes_the_guard_that_named_it(
    instrument: Instrument,
    side: OrderSide,
    kind: OrderType,
    quantity: Decimal,
    price: Decimal,
    collar_bps: Decimal | None,
) -> None:
    order = Instruction(
        order_id="o",
        account="main",
        symbol=instrument.symbol,
        side=side,
        type=kind,
        quantity=quantity,
        price=price if kind is OrderType.LIMIT else None,
        stop_price=price if kind is OrderType.STOP_LOSS else None,
    )
    settings, quote = Settings(collar_bps=collar_bps), a_quote("99.99", "100.01")
    refusal = _refused(order, instrument, quote, settings)
    assume(refusal is not None)
    assert refusal is not None
    if refusal.nearest is None:
        assert refusal.reason is Reason.VALUE_TOO_LARGE
        return
    mended = structs.replace(order, **{refusal.field: Decimal(refusal.nearest)})
    again = _refused(mended, instrument, quote, settings)

    assert again is None or again.reason is not refusal.reason
    grows = (Reason.QUANTITY_TOO_SMALL, Reason.VALUE_TOO_SMALL)
    if refusal.field == "quantity":
        assert mended.quantity is not None
        assert (mended.quantity > quantity) == (refusal.reason in grows), "rounded down, never up"


def _refused(order: Instruction, instrument: Instrument, quote: Quote, settings: Settings) -> Refusal | None:
    refusal = shape(order, NOW)
    if refusal is not None:
        return refusal
    with decimal.localcontext(EXACT):
        sized = size(order, instrument, Account(account="main"), quote)
        assert isinstance(sized, Sized)
        return fit(order, sized, instrument, quote, settings)


def test_a_value_of_10_to_the_20_is_refused_because_it_does_not_fit_the_log() -> None:
    harness = harness_of("")

    refusal = refusal_of(harness, a_limit_buy(10**17, 1000))
    largest = refusal_of(harness, a_limit_buy(10**17 - Decimal("0.001"), 1000, number=2))

    assert refusal == Refusal(
        Reason.VALUE_TOO_LARGE,
        f"its value {VALUE_LIMIT} USDT is above the largest, {VALUE_LIMIT}",
        "quantity",
        str(10**17),
        "99999999999999999.999",
    )
    assert largest is None


def test_an_order_of_a_quote_amount_is_checked_by_the_quantity_it_buys() -> None:
    harness = harness_of("")

    assert refusal_of(harness, a_market_buy(None, quote_quantity=Decimal(50))) is None
    assert harness.order().quantity == Decimal("0.499")


@pytest.mark.parametrize("time", [2**62, -(2**62)])
def test_a_time_that_no_calendar_has_is_an_answer_too(time: int) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(1, 100, 1, expire_at=time))

    assert harness.order(1).status is OrderStatus.DENIED
    assert f"{time} microseconds" in harness.order(1).reason


@pytest.mark.parametrize("unknown", [{"symbol": "NO/USDT"}, {"account": "nobody"}])
def test_an_order_of_a_group_that_names_what_there_is_not_leaves_nothing_behind(unknown: dict[str, str]) -> None:
    limits = RiskLimits(max_position_value=Decimal(1_000_000))
    harness = a_harness(settings=Settings(limits=limits))
    harness.submit(a_limit_buy(1, 100, 1, group="g", **unknown))
    harness.submit(a_limit_buy(1, 100, 2))

    assert [harness.order(number).status for number in (1, 2)] == [OrderStatus.DENIED, OrderStatus.SUBMITTED]
