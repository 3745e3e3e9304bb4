"""Alerts as people send them: what each wants, and what is said of one that cannot be read."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.model import Action, OrderType
from orderwright.errors import InputError
from orderwright.service.tradingview.body import Body
from orderwright.service.tradingview.reading import Reading, read
from tests.builders import NOW
from tests.tables import rows


def reading_of(body: str, symbol: str = "") -> Reading:
    made = Body(body.encode())
    if made.pairs is None:
        assert made.problem is not None
        raise made.problem
    return read(made.pairs, now=NOW, has_exchange_keys=made.has_exchange_keys, symbol=symbol)


def plain(reading: Reading) -> dict[str, Any]:
    """A reading as the cases write it: text, and only what is there."""
    said: dict[str, Any] = {}
    for name in reading.__struct_fields__:
        value = getattr(reading, name)
        if isinstance(value, Decimal):
            said[name] = f"{value:f}"
        elif name == "bracket" and value is not None:
            exits = ("take_profit_percent", "stop_loss_percent")
            said[name] = {exit_: f"{getattr(value, exit_):f}" for exit_ in exits}
        else:
            said[name] = str(value) if isinstance(value, Action | OrderType) else value
    said["max_age_s"] = int(reading.max_age_s) if reading.max_age_s is not None else None
    return said


def test_every_alert_of_the_shared_cases_is_read_as_it_is_meant(shared: Path) -> None:
    cases = json.loads((shared / "cases" / "tradingview_alerts.json").read_text())["alerts"]
    for case in cases:
        expected = case["expected"]
        if "refused" in expected:
            with pytest.raises(InputError, match=expected["refused"].split(";")[0]):
                reading_of(case["body"])
            continue
        said = plain(reading_of(case["body"]))
        found = {"target_position" if name == "target_position" else name: said[name] for name in expected}
        assert found == expected, case["from"]
    assert len(cases) == 12


# Words

WORDS = """
said                                                        | means
"action": "BUY"                                             | buy
"action": "long"                                            | buy
"side": "entry_short"                                       | sell
"direction": "exit_long"                                    | sell only
"action": "cover"                                           | buy only
"action": "flat"                                            | close
"action": "close_all"                                       | close
"action": "sell", "reduce_only": "true"                     | sell only
"market_position": "short"                                  | sell
"market_position": "long", "market_position_size": "2"      | to 2
"market_position": "short", "market_position_size": 2       | to -2
"market_position": "flat", "market_position_size": 0        | to 0
"action": "sell", "market_position": "flat"                 | to 0
"action": "buy", "market_position": "long"                  | buy       # without a size it is only told
"action": "sell", "position_size": "-1.5"                   | to -1.5
"position_size": 3, "market_position": "short"              | to -3
"action": "buy", "quantity": 9, "position_size": "3"        | to 3      # the position says how much
"""


@pytest.mark.parametrize("row", rows(WORDS), ids=str)
def test_what_an_alert_says_is_done(row: dict[str, str]) -> None:
    reading = reading_of(f'{{"ticker": "BTCUSDT", {row["said"]}}}')

    target = reading.target_position
    means = f"to {target:f}" if target is not None else str(reading.action) + (" only" if reading.only_closes else "")
    assert means == row["means"]


SIZES = """
said                                                          | quantity | quote | equity | risk
"quantity": 0.10                                              | 0.1      |       |        |
"contracts": "2"                                              | 2        |       |        |
"quote_quantity": 100                                         |          | 100   |        |
"order": {"amount": "50", "currency_type": "quote"}           |          | 50    |        |
"order": {"amount": "5", "currency_type": "margin_percent"}   |          |       | 5      |
"quantity": 3, "quantityType": "dollar_amount"                |          | 3     |        |
"risk_percent": 1                                             |          |       |        | 1
"qty": 1, "volume": 123456                                    | 1        |       |        |        # a bar's volume
"open": 1, "close": 2, "volume": 123456                       |          |       |        |
"""


@pytest.mark.parametrize("row", rows(SIZES), ids=str)
def test_how_much_is_read_in_the_units_it_is_written_in(row: dict[str, str]) -> None:
    reading = reading_of(f'{{"ticker": "BTCUSDT", "action": "buy", {row["said"]}}}')

    found = (reading.quantity, reading.quote_quantity, reading.equity_percent, reading.risk_percent)
    shown = tuple("" if one is None else f"{one:f}" for one in found)
    assert shown == (row["quantity"], row["quote"], row["equity"], row["risk"])


# What is wrong

WRONG = """
said                                              | field                | nearest      | why
"action": "buy", "quantiy": 1                     | quantiy              | quantity            | nearly one that decides
"action": "buy", "takeProfitt": 1                 | takeProfitt          | take_profit         | nearly one that decides
"action": "byu"                                   | action               | buy                 | unknown action
"action": "buy", "quantity": "1_000"              | quantity             |              | is not a number
"action": "buy", "quantity": NaN                  | quantity             |              | not a finite number
"action": "buy", "quantity": -1                   | quantity             |              | above 0
"action": "buy", "qty": 1, "quantity": 2          | quantity             |              | given twice
"action": "buy", "qty": 1, "quote_quantity": 2    | quote_quantity       |              | not both
"action": "buy", "order_type": "{{plot_0}}"       | order_type           |              | placeholder not expanded
"action": "buy", "order_type": "limt"             | order_type           | limit               | unknown order_type
"action": "buy", "alert_id": "{{timenow}}"        | alert_id             |              | placeholder not expanded
"action": "buy", "takeProfit": {"pct": 1}         | take_profit.pct      | percent             | unknown field
"action": "close", "stop_loss": 1                 | stop_loss            |              | exits go with a buy or a sell
"market_position": "flt"                          | market_position      | flat                | unknown market_position
"market_position": "flat", "position_size": 2     | market_position_size |              | flat, and not 0
"market_position_size": 2                         | market_position_size |              | needs market_position
"quantity": 1                                     | action               |              | is missing
"action": "buy", "timestamp": "yesterday"         | timestamp            |              | is not a time
"action": "buy", "quantity": {"a": 1}             | quantity             |              | an object
"action": "buy", "quantity": [1]                  | quantity             |              | is not a number
"action": "buy", "quantity": 1, "quantityType": "lots" | quantity_type   |              | unknown kind
"""


@pytest.mark.parametrize("row", rows(WRONG), ids=str)
def test_what_is_wrong_is_named_with_its_field_and_the_nearest_that_would_pass(row: dict[str, str]) -> None:
    with pytest.raises(InputError, match=row["why"]) as caught:
        reading_of(f'{{"ticker": "BTCUSDT", {row["said"]}}}')

    assert (caught.value.field, caught.value.nearest or "") == (row["field"], row["nearest"])


def test_an_alert_without_a_ticker_takes_its_strategys_and_a_prefix_names_the_exchange() -> None:
    assert reading_of('{"action": "buy"}', symbol="ETHUSDT").symbol == "ETHUSDT"
    perpetual = reading_of('{"ticker": "BINANCE:BTCUSDT.P", "action": "buy"}')
    settled = reading_of('{"ticker": "BTC/USDT:USDT", "action": "buy"}')

    assert (perpetual.exchange, perpetual.symbol) == ("binance", "BTCUSDT.P")
    assert (settled.exchange, settled.symbol) == ("", "BTC/USDT:USDT")


def test_what_is_sent_along_is_noted_and_an_unexpanded_strategy_too() -> None:
    reading = reading_of(
        '{"ticker": "BTCUSDT", "action": "buy", "strategy": "{{strategy}}", "bot_uuid": "x", "extra": {"a": [1]}}'
    )

    assert reading.strategy == ""
    assert reading.notes == (
        "strategy: placeholder not expanded: {{strategy}}",
        "bot_uuid: not used",
        "extra: not used",
    )


def test_the_id_is_the_alerts_own_else_its_timestamp() -> None:
    ids = [
        reading_of(f'{{"ticker": "X", "action": "buy", {said}}}').alert_id
        for said in ('"alert_id": "a", "timestamp": 1767614400', '"id": 7', '"timestamp": 1767614400', '"x": 1')
    ]

    assert ids == ["a", "7", "1767614400", ""]


# Secrets


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ('{"secret": "hunter2hunter2", "q": 0.10}', '{"secret": "***", "q": 0.10}'),
        ('{"secr\\u0065t": "hunter2hunter2", "q": 0.10}', '{"secret": "***", "q": 0.10}'),
        ('{"a": {"Passphrase": "hunter2hunter2"}, "b": [1]}', '{"a": {"Passphrase": "***"}, "b": [1]}'),
        ('{"token": 123456}', '{"token": "***"}'),
        ('{"password": {"deep": "hunter2hunter2"}}', '{"password": "***"}'),
        (
            '{"secret": "hunter2hunter2", "comment": "it is hunter2hunter2"}',
            '{"secret": "***", "comment": "it is ***"}',
        ),
        ("SECRET=hunter2hunter2\nSYMBOL=BTCUSDT", "SECRET=***\nSYMBOL=BTCUSDT"),
        ('{"secret": "hunter2hunter2", broken', '{"secret": "***, broken'),
        ('{"secr\\u0065t": "hunter2hunter2", broken', "(40 characters that cannot be read)"),
        ('{"api_key": "k1234567", "api_secret_key": "s1234567"}', '{"api_key": "***", "api_secret_key": "***"}'),
    ],
    ids=str,
)
def test_a_body_is_kept_in_its_shape_and_without_its_secrets(body: str, stored: str) -> None:
    made = Body(body.encode())

    assert made.text == stored
    assert "hunter2" not in repr(made)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[]",
        b"[1]",
        b"hello",
        b'"x"',
        b"{}" * 2,
        b"[" * 50_000,
        b'{"a":' * 400 + b"1" + b"}" * 400,
        b"\x00",
        b"A" + b" " * 60_000,
        b'{"\\ud800": 1}',
        b'{"ticker": "\\udfff"}',
        b'{"a": {"b": "\\udfff"}}',
        b"{" + b", ".join(b'"f%d": 1' % number for number in range(201)) + b"}",
        b'{"' + b"n" * 65 + b'": 1}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_alert_is_refused_in_words(body: bytes) -> None:
    made = Body(body)

    assert made.pairs is None
    assert made.problem is not None
    assert made.text.encode()
