"""From what someone wants to an order's numbers: quantity, expected cost, and what it locks."""

import decimal
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core.model import Account, Action, Instruction, OrderSide, OrderType, Signal
from orderwright.core.numbers import EXACT, text
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import Sized, closing_order, estimated_slippage, expected_price, from_signal, size
from tests.builders import SYMBOL, a_harness, a_limit_buy, a_market_buy, a_market_sell, a_quote, an_id, an_instrument
from tests.tables import order_of, rows, words

# The market is 100 / 101, the step 0.001. fee and slip are the account's allowances: 0.01 is a percent, 100 bps too.
COSTS = """
    order                              | account                    | quantity | basis | fee    | cost     | locks         | each
    buy 2 limit price=100              |                            | 2        | 100   | 0      | 200      | USDT          | 100
    buy 2 limit price=100              | fee=0.01                   | 2        | 100   | 2      | 202      | USDT          | 101
    buy 2 limit price=100              | fee=0.01 fee_in=received   | 2        | 100   | 2      | 200      | USDT          | 100
    sell 2 limit price=100             | fee=0.01                   | 2        | 100   | 2      | 198      | BTC           | 1
    buy 2 market                       |                            | 2        | 101   | 0      | 202      | USDT          | 101
    buy 2 market                       | fee=0.01 slip=100          | 2        | 102.01 | 2.0402 | 206.0602 | USDT         | 103.0301
    sell 2 market                      | slip=100                   | 2        | 99    | 0      | 198      | BTC           | 1
    sell 2 stop_loss stop_price=90     | slip=100                   | 2        | 89.1  | 0      | 178.2    | BTC           | 1
    buy 2 stop_loss_limit stop_price=110 price=111 | slip=100       | 2        | 111   | 0      | 222      | USDT          | 111
    # a quote amount is never overspent, slippage and fee included
    buy - market quote_quantity=202    |                            | 2        | 101   | 0      | 202      | USDT          | 101
    buy - market quote_quantity=202    | fee=0.01                   | 1.98     | 101   | 1.9998 | 201.9798 | USDT          | 102.01
    buy - market quote_quantity=202    | fee=0.01 fee_in=received   | 2        | 101   | 2.02   | 202      | USDT          | 101
    buy - market quote_quantity=202    | fee=0.01 slip=100          | 1.96     | 102.01 | 1.999396 | 201.938996 | USDT     | 103.0301
    # futures lock margin and the fee on either side
    buy 2 limit price=100              | fee=0.01 linear            | 2        | 100   | 2      | 202      | USDT          | 101
    sell 2 limit price=100             | fee=0.01 linear leverage=4 | 2        | 100   | 2      | 198      | USDT          | 26
"""  # noqa: E501  # a table


def account_of(cell: str) -> Account:
    said = words(cell)
    return Account(
        account="main",
        taker_fee=Decimal(said.get("fee", "0")),
        fee_in=said.get("fee_in", "quote"),
        slippage_bps=Decimal(said.get("slip", "0")),
        leverage=Decimal(said.get("leverage", "1")),
    )


@pytest.mark.parametrize("row", rows(COSTS), ids=str)
def test_an_order_is_sized_and_its_cost_estimated(row: dict[str, str]) -> None:
    instrument = an_instrument(step_size=Decimal("0.001"), linear="linear" in row["account"])
    order, account = order_of(row["order"]), account_of(row["account"])

    with decimal.localcontext(EXACT):
        sized = size(order, instrument, account, a_quote(100, 101))

    quantity, basis = Decimal(row["quantity"]), Decimal(row["basis"])
    assert sized == Sized(
        quantity=quantity,
        basis=basis,
        value=quantity * basis,
        estimated_fee=Decimal(row["fee"]),
        estimated_cost=Decimal(row["cost"]),
        unit_cost=Decimal(row["each"]),
        reserved_asset=row["locks"],
    )


def test_an_order_without_a_price_or_a_market_is_expected_to_cost_nothing_yet() -> None:
    instrument, account = an_instrument(), Account(account="main")

    assert expected_price(a_market_buy(), account, None) is None
    assert size(order_of("sell 2 market"), instrument, account, None) == Sized(
        Decimal(2), None, Decimal(0), Decimal(0), Decimal(0), Decimal(1), "BTC"
    )


def test_a_quote_amount_without_a_market_is_refused() -> None:
    order = a_market_buy(None, quote_quantity=Decimal(50))

    assert size(order, an_instrument(), Account(account="main"), None) == Refusal(
        Reason.NO_MARKET_PRICE, "no market price recent enough to decide on", "symbol", SYMBOL
    )


@given(
    st.decimals("0.01", 10**6, places=8),
    st.decimals("0.00000001", 10**5, places=8),
    st.decimals(0, "0.05", places=6),
    st.decimals(0, 500, places=2),
    st.sampled_from(["quote", "received"]),
)
def test_spending_a_quote_amount_never_costs_more_and_another_step_would(
    amount: Decimal, price: Decimal, fee: Decimal, slippage_bps: Decimal, fee_in: str
) -> None:
    account = Account(account="main", taker_fee=fee, slippage_bps=slippage_bps, fee_in=fee_in)
    instrument = an_instrument()
    with decimal.localcontext(EXACT):
        order = a_market_buy(None, quote_quantity=amount)
        sized = size(order, instrument, account, a_quote(price, price))

        assert isinstance(sized, Sized)
        assert sized.quantity % instrument.step_size == 0
        assert sized.estimated_cost == sized.quantity * sized.unit_cost <= amount
        assert (sized.quantity + instrument.step_size) * sized.unit_cost > amount


@given(
    st.integers(1, 10**16).map(lambda n: Decimal(n).scaleb(-8)),
    st.integers(1, 10**19).map(lambda n: Decimal(n).scaleb(-10)),
    st.decimals(0, 1, places=18),
    st.decimals(0, 100, places=18),
)
def test_the_longest_numbers_that_are_let_in_lose_no_digit(
    quantity: Decimal, price: Decimal, fee: Decimal, slippage_bps: Decimal
) -> None:
    instrument = an_instrument(tick_size=Decimal("1E-10"), step_size=Decimal("1E-8"))
    account = Account(account="main", taker_fee=fee, slippage_bps=slippage_bps)
    with decimal.localcontext(EXACT):
        for order in (a_limit_buy(quantity, price), a_market_buy(quantity)):
            sized = size(order, instrument, account, a_quote(price, price))

            assert isinstance(sized, Sized)
            assert sized.estimated_cost == sized.quantity * sized.unit_cost


# From signals.

SIGNALS = """
    signal                         | held | becomes
    buy quantity=2                 | 0    | buy 2
    buy quantity=2                 | 5    | buy 2
    buy quote_quantity=50          | 0    | buy quote 50
    sell                           | 5    | sell 5
    sell quantity=2                | 5    | sell 2
    sell                           | 5.0005 | sell 5
    sell                           | 0    | nothing_to_close
    sell                           | 0.0005 | nothing_to_close
    sell                           | -5   | nothing_to_close
    target target_quantity=7       | 5    | buy 2
    target target_quantity=2       | 5    | sell 3
    target target_quantity=-2      | 5    | sell 7
    target target_quantity=0       | 5    | sell 5
    target target_quantity=5       | 5    | nothing_to_close
    target target_quantity=5.0005  | 5    | nothing_to_close
    target                         | 5    | quantity_missing
"""


def signal_of(cell: str, **changes: Any) -> Signal:
    action, *rest = cell.split()
    said = {name: Decimal(value) for name, value in words(" ".join(rest)).items()}
    return Signal(signal_id="s1", symbol=SYMBOL, action=Action(action), account="main", **(said | changes))


@pytest.mark.parametrize("row", rows(SIGNALS), ids=str)
def test_a_signal_becomes_an_instruction_or_says_why_not(row: dict[str, str]) -> None:
    held = Decimal(row["held"])
    became = from_signal(signal_of(row["signal"]), an_id(), held, held, Decimal("0.001"), linear=False)

    if isinstance(became, Refusal):
        assert became.code == row["becomes"]
        return
    amount = text(became.quantity) if became.quantity is not None else f"quote {became.quote_quantity}"
    assert (f"{became.side} {amount}", became.type) == (row["becomes"], OrderType.MARKET)


def test_an_instruction_carries_what_its_signal_says() -> None:
    said = signal_of(
        "buy quantity=2 price=99 stop_price=98",
        order_type=OrderType.STOP_LOSS_LIMIT,
        strategy="trend",
        user="ann",
        post_only=True,
        execute_at="next_open",
    )

    assert from_signal(said, an_id(), Decimal(0), Decimal(0), Decimal("0.001"), linear=False) == Instruction(
        order_id=an_id(),
        account="main",
        symbol=SYMBOL,
        side=OrderSide.BUY,
        type=OrderType.STOP_LOSS_LIMIT,
        quantity=Decimal(2),
        price=Decimal(99),
        stop_price=Decimal(98),
        post_only=True,
        execute_at="next_open",
        user="ann",
        strategy="trend",
        signal_id="s1",
    )


def test_the_price_an_alert_mentions_is_no_limit_for_a_market_order() -> None:
    became = from_signal(
        signal_of("buy quantity=2 price=99"), an_id(), Decimal(0), Decimal(0), Decimal("0.001"), linear=False
    )

    assert isinstance(became, Instruction)
    assert became.price is None


@pytest.mark.parametrize(
    ("signal", "linear", "reduce_only"),
    [("sell", True, True), ("sell quantity=2", True, False), ("sell", False, False), ("buy quantity=2", True, False)],
)
def test_a_futures_sell_without_a_quantity_only_closes(signal: str, linear: bool, reduce_only: bool) -> None:
    became = from_signal(signal_of(signal), an_id(), Decimal(5), Decimal(5), Decimal("0.001"), linear=linear)

    assert isinstance(became, Instruction)
    assert became.reduce_only is reduce_only


@pytest.mark.parametrize(("held", "side"), [("5.0005", OrderSide.SELL), ("-5.0005", OrderSide.BUY)])
def test_a_closing_order_takes_all_of_a_position_that_the_step_allows(held: str, side: OrderSide) -> None:
    order = closing_order("main", SYMBOL, an_id(), Decimal(held), Decimal("0.001"), strategy="trend")

    assert order == Instruction(
        order_id=an_id(),
        account="main",
        symbol=SYMBOL,
        side=side,
        type=OrderType.MARKET,
        quantity=Decimal(5),
        reduce_only=True,
        strategy="trend",
    )


SLIPPAGE = """
    order                                          | account  | slippage
    buy 2 market                                   |          | 1
    buy 2 market                                   | slip=100 | 3.02
    sell 2 market                                  | slip=100 | 3
    buy 2 limit price=120                          | slip=100 | 0
    sell 2 stop_loss stop_price=90                 | slip=100 | 1.8
    buy 2 stop_loss_limit stop_price=110 price=111 | slip=100 | 0
"""


@pytest.mark.parametrize("row", rows(SLIPPAGE), ids=str)
def test_an_orders_expected_slippage_is_what_it_pays_beyond_the_middle_of_the_market(row: dict[str, str]) -> None:
    order, account, quote = order_of(row["order"]), account_of(row["account"]), a_quote(100, 101)

    with decimal.localcontext(EXACT):
        sized = size(order, an_instrument(step_size=Decimal("0.001")), account, quote)
        assert isinstance(sized, Sized)
        assert estimated_slippage(order, sized, quote) == Decimal(row["slippage"])


def test_where_no_market_is_known_no_slippage_is_expected_rather_than_none_at_all() -> None:
    harness = a_harness()
    harness.submit(a_market_sell(1, reduce_only=True), a_market_buy(2, number=2))

    assert harness.order(2).estimated_slippage == Decimal("0.02")
    with decimal.localcontext(EXACT):
        unknown = size(a_market_sell(1, reduce_only=True), an_instrument(), Account(account="main"), None)
        assert isinstance(unknown, Sized)
        assert estimated_slippage(a_market_sell(1), unknown, None) is None
