"""What a line of alerts means, and what is said of one that means nothing."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.alerts import FIELDS, choose, parse_alert, parse_time, read_signals
from orderwright.core.model import Action, Bracket, OrderType, Signal, Source, TimeInForce, Trail
from orderwright.core.numbers import text
from orderwright.errors import InputError
from orderwright.market.instruments import default_instrument

D = Decimal
KNOWN = {symbol: default_instrument(symbol) for symbol in ("BTC/USDT", "ETH/USDT")}
NOW = 1_722_816_060_000_000  # 2024-08-05T00:01:00Z
LEAST = '"ticker": "BTCUSDT", "action": "buy", "time": "2024-08-05T00:01:00Z"'


def parse(more: str = "", least: str = LEAST) -> Signal:
    """A market buy of BTC, and more of its line where given."""
    return parse_alert(line_of(more, least), KNOWN, account="paper")


def line_of(more: str = "", least: str = LEAST) -> bytes:
    return f"{{{least}{', ' if more else ''}{more}}}".encode()


def id_of(line: bytes) -> str:
    """The signal id of a line without an alert id: its time and what it says."""
    return f"{NOW}-{hashlib.sha256(line).hexdigest()[:12]}"


def refusal(more: str = "", least: str = LEAST) -> str:
    with pytest.raises(InputError) as caught:
        parse(more, least)
    return str(caught.value)


def a_signal(**words: Any) -> Signal:
    least: dict[str, Any] = {
        "symbol": "BTC/USDT",
        "action": Action.BUY,
        "account": "paper",
        "source": Source.TRADINGVIEW,
        "time": NOW,
    }
    return Signal(**(least | words))


def test_ticker_action_and_time_are_all_that_is_needed() -> None:
    assert parse() == a_signal(signal_id=id_of(line_of()))


def test_without_an_alert_id_a_signal_is_what_its_line_says_wherever_the_line_stands(tmp_path: Path) -> None:
    first, second = line_of(), line_of('"quantity": "2"')
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    one.write_bytes(first + b"\n")
    other.write_bytes(b"\n" + second + b"\n" + first + b"\n" + first)
    keys = [signal.key for signal in read_signals(other, KNOWN, account="paper")]
    assert [signal.key for signal in read_signals(one, KNOWN, account="paper")] == keys[1:2] == keys[2:]
    assert keys[0] != keys[1]


def test_every_field_is_read() -> None:
    alert = {
        "ticker": "BINANCE:BTCUSDT",
        "action": "SELL",
        "order_type": "Stop_Loss_Limit",
        "time_in_force": "GTD",
        "source": "strategy",
        "time": "2024-08-05T00:01:00Z",
        "expire_at": "2024-08-05T00:02:00Z",
        "execute_at": "2024-08-05T00:01:30Z",
        "quantity": "0.50",
        "quote_quantity": 100,
        "target_quantity": "-1",
        "price": 50000.10,
        "stop_price": "5e4",
        "post_only": True,
        "reduce_only": False,
        "strategy": "dip",
        "alert_id": "41",
        "user": "ann",
        "account": "second",
    }
    exits = {"stop_loss", "stop_loss_percent", "take_profit", "take_profit_percent", "trail_amount", "trail_percent"}
    assert {*alert} | exits == {*FIELDS}, "the exits are read in a test of their own"
    assert parse_alert(json.dumps(alert).encode(), KNOWN, account="paper") == Signal(
        signal_id="41",
        symbol="BTC/USDT",
        action=Action.SELL,
        account="second",
        source=Source.STRATEGY,
        order_type=OrderType.STOP_LOSS_LIMIT,
        quantity=D("0.5"),
        quote_quantity=D(100),
        target_quantity=D(-1),
        price=D("50000.1"),
        stop_price=D(50000),
        time_in_force=TimeInForce.GTD,
        expire_at=NOW + 60_000_000,
        post_only=True,
        reduce_only=False,
        execute_at=NOW + 30_000_000,
        strategy="dip",
        user="ann",
        alert_id="41",
        time=NOW,
    )


def test_other_names_of_a_field_are_known() -> None:
    words = '"symbol": "ETHUSDT", "side": "buy", "type": "limit", "id": "9", "timestamp": 1722816060'
    expected = a_signal(signal_id="9", alert_id="9", symbol="ETH/USDT", order_type=OrderType.LIMIT)
    assert parse(least=words) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", OrderType.MARKET),
        ('"price": "50000"', OrderType.MARKET),
        ('"stop_price": "50000"', OrderType.STOP_LOSS),
        ('"order_type": "stop"', OrderType.STOP_LOSS),
        ('"order_type": "STOP_MARKET"', OrderType.STOP_LOSS),
        ('"order_type": "stop_limit"', OrderType.STOP_LOSS_LIMIT),
        ('"order_type": "take_profit"', OrderType.TAKE_PROFIT),
        ('"order_type": null', OrderType.MARKET),
    ],
)
def test_the_order_type_is_as_written_or_follows_from_the_stop_price(more: str, expected: OrderType) -> None:
    assert parse(more).order_type is expected


@pytest.mark.parametrize(
    "written",
    [
        '"2024-08-05T00:01:00Z"',
        '"2024-08-05T00:01:00"',
        '"2024-08-05 00:01"',
        '"2024-08-05T02:01:00.000+02:00"',
        "1722816060",
        "1722816060000",
        "1722816060000000",
        '"1722816060"',
        '"1722816060000"',
    ],
)
def test_a_time_is_iso_or_seconds_milliseconds_or_microseconds_and_utc_without_a_zone(written: str) -> None:
    assert parse(least=f'"ticker": "BTCUSDT", "action": "buy", "time": {written}').time == NOW


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('"soon"', "time: 'soon' is not a time (write 2024-08-05T00:01:00Z)"),
        ('"2024-13-05"', "time: '2024-13-05' is not a time (write 2024-08-05T00:01:00Z)"),
        ("1722816060.5", "time: 1722816060.5 is not a time (write 2024-08-05T00:01:00Z)"),
        ("-1722816060", "time: -1722816060 is not a time (write 2024-08-05T00:01:00Z)"),
        ("12", "time: 12 is not a time (write 2024-08-05T00:01:00Z)"),
        ("1" * 30, f"time: {'1' * 30} is not a time (write 2024-08-05T00:01:00Z)"),
        ("NaN", "time: NaN is not a time (write 2024-08-05T00:01:00Z)"),
        ("true", "time: true is not a time (write 2024-08-05T00:01:00Z)"),
        ("[]", "time: a list is not a time (write 2024-08-05T00:01:00Z)"),
        ('"1969-12-31"', "time: '1969-12-31' is not between the years 1973 and 5138"),
        ('"9999-12-31"', "time: '9999-12-31' is not between the years 1973 and 5138"),
    ],
)
def test_what_is_no_time_is_refused(written: str, message: str) -> None:
    assert refusal(least=f'"ticker": "BTCUSDT", "action": "buy", "time": {written}') == message


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"now"', None),
        ('"next_open"', "next_open"),
        ('"after_ms:250"', NOW + 250_000),
        ('"after_ms:0.5"', NOW + 500),
        ("1722816061", NOW + 1_000_000),
    ],
)
def test_an_order_may_wait(written: str, expected: object) -> None:
    assert parse(f'"execute_at": {written}').execute_at == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('"next_close"', "execute_at: 'next_close' is not a time (write 2024-08-05T00:01:00Z)"),
        ('"after_ms:soon"', "execute_at: 'soon' is not a number"),
        ('"after_ms:-1"', "execute_at: 'after_ms:-1' does not wait between 0 ms and a year"),
        ('"after_ms:99999999999"', "execute_at: 'after_ms:99999999999' does not wait between 0 ms and a year"),
    ],
)
def test_an_order_cannot_wait_for_what_is_no_time(written: str, message: str) -> None:
    assert refusal(f'"execute_at": {written}') == message


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.1", "0.1"),
        ("0.30000000000000000", "0.3"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ("1e-18", "0.000000000000000001"),
        ("100", "100"),
        ('"1E+2"', "100"),
        ('"0.123456789012345678"', "0.123456789012345678"),
        ("-0.5", "-0.5"),
        ("-0", "0"),
    ],
)
def test_a_number_is_read_from_its_text_exactly(written: str, exact: str) -> None:
    quantity = parse(f'"quantity": {written}').quantity
    assert quantity is not None
    assert text(quantity) == exact


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("NaN", "quantity: 'NaN' is not a finite number"),
        ('"nan"', "quantity: 'nan' is not a finite number"),
        ("-Infinity", "quantity: '-Infinity' is not a finite number"),
        ("1" * 30, f"quantity: {'1' * 30} has more than 18 digits before the point"),
        (
            "0." + "1" * 30,
            f"quantity: 0.{'1' * 30} has more than 18 digits after the point (nearest: 0.{'1' * 18})",
        ),
        ('"1_000"', "quantity: '1_000' is not a number"),
        ('"1,5"', "quantity: '1,5' is not a number"),
        ('"much"', "quantity: 'much' is not a number"),
        ('""', "quantity: '' is not a number"),
        ("true", "quantity: true is not a number"),
        ("[1]", "quantity: a list is not a number"),
        ('{"amount": 1}', "quantity: an object is not a number"),
        (
            '"{{strategy.order.contracts}}"',
            "quantity: the placeholder {{strategy.order.contracts}} was not filled in",
        ),
    ],
)
def test_what_is_no_number_is_refused(written: str, message: str) -> None:
    assert refusal(f'"quantity": {written}') == message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('"quanttiy": 1', "quanttiy: unknown field (nearest: quantity)"),
        ('"pirce": 1', "pirce: unknown field (nearest: price)"),
        ('"symbl": "BTCUSDT"', "symbl: unknown field (nearest: symbol)"),
        ('"zzz": 1', "zzz: unknown field"),
        (
            '"order_type": "limt"',
            "order_type: unknown order_type 'limt'; known: market, limit, stop_loss, stop_loss_limit, take_profit, "
            "take_profit_limit (nearest: limit)",
        ),
        (
            '"time_in_force": "dayy"',
            "time_in_force: unknown time_in_force 'dayy'; known: gtc, ioc, fok, gtd, day (nearest: day)",
        ),
        (
            '"source": "tradingveiw"',
            "source: unknown source 'tradingveiw'; known: manual, tradingview, strategy, api (nearest: tradingview)",
        ),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(more: str, message: str) -> None:
    assert refusal(more) == message


def test_a_misspelt_action_or_ticker_is_refused_with_the_nearest() -> None:
    time = '"time": 1722816060'
    assert refusal(least=f'"ticker": "BTCUSDT", "action": "bye", {time}') == (
        "action: unknown action 'bye'; known: buy, sell, close, target (nearest: buy)"
    )
    assert refusal(least=f'"ticker": "BTCUSD", "action": "buy", {time}') == (
        "ticker: unknown symbol 'BTCUSD' (nearest: BTC/USDT)"
    )


@pytest.mark.parametrize("needed", ["ticker", "action", "time"])
def test_what_is_needed_and_missing_or_null_is_named(needed: str) -> None:
    fields = {"ticker": "BTCUSDT", "action": "buy", "time": 1722816060}
    without = json.dumps({name: value for name, value in fields.items() if name != needed})
    for body in (without, json.dumps(fields | {needed: None})):
        with pytest.raises(InputError) as caught:
            parse_alert(body.encode(), KNOWN, account="paper")
        assert str(caught.value) == f"{needed}: is missing"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('"quantity": 1, "quantity": 2', "quantity: given twice"),
        ('"symbol": "ETHUSDT"', "symbol: given twice, as ticker too"),
        ('"side": null', "side: given twice, as action too"),
    ],
)
def test_a_field_that_is_there_twice_is_refused(more: str, message: str) -> None:
    assert refusal(more) == message


@pytest.mark.parametrize("field", ["ticker", "action", "order_type", "time_in_force", "alert_id", "account", "user"])
def test_a_placeholder_that_was_not_filled_in_is_refused_where_it_decides(field: str) -> None:
    fields = {"ticker": "BTCUSDT", "action": "buy", "time": 1722816060, field: "{{it}}"}
    with pytest.raises(InputError) as caught:
        parse_alert(json.dumps(fields).encode(), KNOWN, account="paper")
    assert str(caught.value) == f"{field}: the placeholder {{{{it}}}} was not filled in"


def test_a_placeholder_that_was_not_filled_in_is_accepted_as_the_strategy() -> None:
    """TradingView does not fill {{strategy}}, and people send it."""
    more = '"strategy": "{{strategy}}"'
    assert parse(more) == a_signal(strategy="{{strategy}}", signal_id=id_of(line_of(more)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('"strategy": 5', "strategy: 5 is not text: write it in quotes"),
        ('"alert_id": {}', "alert_id: an object is not text: write it in quotes"),
        ('"post_only": "true"', "post_only: 'true' is neither true nor false"),
        ('"reduce_only": 1', "reduce_only: 1 is neither true nor false"),
        ('"order_type": true', "order_type: true is not text: write it in quotes"),
        (f'"strategy": "{"x" * 201}"', "strategy: longer than 200 characters"),
        ('"strategy": "\\ud800"', "strategy: '\\ud800' holds half a character"),
    ],
)
def test_a_wrong_type_is_refused(more: str, message: str) -> None:
    assert refusal(more) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not valid JSON: Expecting property name enclosed in double quotes (column 2)"),
        (b'{"ticker": "BTCUSDT" "action"', "not valid JSON: Expecting ',' delimiter (column 22)"),
        (b"buy BTC", "not valid JSON: Expecting value (column 1)"),
        (b"", "not valid JSON: Expecting value (column 1)"),
        (b"[1]", 'not a JSON object, such as {"ticker": "BTCUSDT", "action": "buy"}'),
        (b"5", 'not a JSON object, such as {"ticker": "BTCUSDT", "action": "buy"}'),
        (b"\xff\xfe{}", "not valid JSON: it is not UTF-8 text"),
        (b'{"price": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON: nested too deep"),
        (b"{}", "ticker: is missing"),
    ],
)
def test_a_line_that_is_no_json_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_alert(body, KNOWN, account="paper")
    assert str(caught.value) == message


def test_signals_come_in_order_of_time_and_of_the_file_where_times_are_equal(tmp_path: Path) -> None:
    path = tmp_path / "signals.jsonl"
    minutes = [(2, "a"), (1, "b"), (2, "c"), (1, "d")]
    lines = [
        f'{{"ticker": "BTCUSDT", "action": "buy", "time": {1722816000 + 60 * minute}, "id": "{name}"}}'
        for minute, name in minutes
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\n  \n".join(lines).encode())
    assert [signal.alert_id for signal in read_signals(path, KNOWN, account="paper")] == ["b", "d", "a", "c"]


def test_a_bad_line_is_named_by_its_number_blank_lines_counted(tmp_path: Path) -> None:
    path = tmp_path / "signals.jsonl"
    path.write_text(f'{{{LEAST}}}\n\n{{{LEAST}, "quantity": "x"}}\n')
    with pytest.raises(InputError) as caught:
        read_signals(path, KNOWN, account="paper")
    assert str(caught.value) == f"{path}, line 3: quantity: 'x' is not a number"
    assert (caught.value.field, caught.value.value) == ("quantity", "x")


def test_two_deliveries_of_an_alert_have_one_key_and_other_alerts_another() -> None:
    def key(more: str) -> str:
        return parse(more).key

    assert key('"id": "1", "strategy": "a"') == key('"strategy": "a", "alert_id": "1", "quantity": 2')
    assert len({key('"id": "1"'), key('"id": "2"'), key('"id": "1", "strategy": "a"'), key("")}) == 4


def test_a_time_on_the_command_line_is_read_like_one_in_an_alert() -> None:
    assert parse_time(None, "as-of") is None
    assert parse_time("2024-08-05T00:01:00Z", "as-of") == parse_time("1722816060", "as-of") == NOW
    with pytest.raises(InputError) as caught:
        parse_time("²", "as-of")
    assert str(caught.value) == "as-of: '²' is not a time (write 2024-08-05T00:01:00Z)"


def test_a_word_is_chosen_in_any_case() -> None:
    assert choose("BUY", "action", Action) is Action.BUY


@pytest.mark.parametrize(
    ("more", "bracket", "trail"),
    [
        ('"stop_loss": "95", "take_profit_percent": 4', {"stop_loss": "95", "take_profit_percent": "4"}, None),
        ('"trail_percent": "2"', {"trail": Trail(percent=Decimal(2))}, None),
        (
            '"order_type": "limit", "price": "99", "stop_loss_percent": 1, "trail_amount": 7',
            {"stop_loss_percent": "1", "trail": Trail(amount=Decimal(7))},
            None,
        ),
        ('"order_type": "stop", "stop_price": "90", "trail_amount": 7', None, Trail(amount=Decimal(7))),
        (
            '"order_type": "stop", "stop_price": "90", "stop_loss": 88, "trail_amount": 7',
            {"stop_loss": "88"},
            Trail(amount=Decimal(7)),
        ),
    ],
)
def test_exits_come_with_an_entry_and_a_trail_beside_a_stop_is_its_own(
    more: str, bracket: dict[str, Any] | None, trail: Trail | None
) -> None:
    signal = parse(more)
    words: dict[str, Any] = {
        name: Decimal(said) if isinstance(said, str) else said for name, said in (bracket or {}).items()
    }

    assert (signal.bracket, signal.trail) == (Bracket(**words) if bracket else None, trail)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('"trail_amount": 1, "trail_percent": 2', "trail_amount: give trail_amount or trail_percent, not both"),
        ('"stop_loss": 1, "stop_loss_percent": 2', "stop_loss: give stop_loss or stop_loss_percent, not both"),
        ('"take_profit": 0', "take_profit: must be above 0"),
        ('"stop_loss": "low"', "stop_loss: 'low' is not a number"),
        ('"stop_los": 1', "stop_los: unknown field (nearest: stop_loss)"),
    ],
)
def test_exits_that_say_two_things_or_nothing_are_refused(more: str, message: str) -> None:
    assert refusal(more).startswith(message.split(" (", maxsplit=1)[0])


def test_a_close_has_no_exits() -> None:
    least = LEAST.replace('"buy"', '"close"')
    assert refusal('"stop_loss": 95', least) == "stop_loss: exits go with a buy or a sell, not with close"
