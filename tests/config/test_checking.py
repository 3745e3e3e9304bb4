"""What keys must say of one another."""

from __future__ import annotations

import pytest

from orderwright.config.checking import unavailable
from orderwright.config.owning import book_of_account, book_of_strategy, book_of_user, books, owner_of
from tests.config.builders import loaded_from, problems_of

TOKEN = "a" * 22
WHOSE = """
users: {alice: {}, bob: {book: small}}
books: {main: {user: alice}, small: {}}
accounts: {paper: {book: main}, other: {user: bob}}
strategies: {trend: {accounts: [paper]}, swing: {user: bob}}
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("service: {auth: off, host: 0.0.0.0}",
         "service.auth: off is allowed only on loopback, and 0.0.0.0 is not: anybody could trade (nearest: on)"),
        ("service: {auth: off}\nexecution: {mode: direct}",
         "service.auth: off is allowed only in simulation (nearest: on)"),
        ("service: {auth: off}\naccounts: {real: {exchange: binance}}",
         "service.auth: off is allowed only in simulation (nearest: on)"),
        ("service: {host: 'http://x'}", "service.host: 'http://x' is not a host or address (nearest: 127.0.0.1)"),
        ("service: {cors_origins: ['*']}",
         "service.cors_origins: '*' is not an origin, such as https://desk.example.com: scheme, host, port, no path"),
        ("service: {trusted_proxies: [proxy]}",
         "service.trusted_proxies: 'proxy' is not an address or a network, such as 10.0.0.1 or 10.0.0.0/8"),
        ("account_limits: {min_order_size: 20, max_order_value: 10}",
         "account_limits.min_order_size: 20 is above max_order_value, 10: no order would pass (nearest: 10)"),
        ("order_params: {max_slippage_bps: 10000}",
         "order_params.max_slippage_bps: 10000 is the whole price, or more: 10 is 0.1 % (nearest: 10)"),
        ("execution: {simulation: {symbols: []}}",
         "execution.simulation.symbols: no symbol: nothing could be traded"),
        ("execution: {linger: [{name: a, after_ms: 5, doo: cancel}]}",
         "execution.linger.doo: linger rule 1: unknown setting (nearest: do)"),
        ("execution: {linger: [{name: a, after_ms: 5, do: cancle}]}",
         "execution.linger.do: linger rule 1: unknown do 'cancle' (nearest: cancel)"),
        ("execution: {linger: [{name: a}]}",
         "execution.linger.a.when: a rule needs exactly one of after_ms, moved_bps, on_reversal, day_end"),
        ("execution: {linger: [{name: a, after_ms: soon}]}",
         "execution.linger: Expected `int | null`, got `str` - at `linger[0].after_ms`"),
        ("books: {main: {user: alcie}}\nusers: {alice: {}}",
         "books.main.user: unknown user 'alcie' (nearest: alice)"),
        ("accounts: {paper: {book: mian}}\nbooks: {main: {}}",
         "accounts.paper.book: unknown book 'mian' (nearest: main)"),
        ("strategies: {a: {accounts: [papre]}}\naccounts: {paper: {}}",
         "strategies.a.accounts.1: unknown account 'papre' (nearest: paper)"),
        ("users: {alice: {account: papr}}\naccounts: {paper: {}}",
         "users.alice.account: unknown account 'papr' (nearest: paper)"),
        ("users: {alice: {book: main}, bob: {book: main}}",
         "users.bob.book: the book main is alice's: a book has one owner"),
        ("users: {alice: {}, bob: {}}\nbooks: {main: {user: alice}}\naccounts: {paper: {book: main, user: bob}}",
         "accounts.paper.user: the book main is alice's: an account of bob cannot be in it (nearest: alice)"),
        ("users: {alice: {}, bob: {}}\nbooks: {main: {user: alice}}\nstrategies: {a: {book: main, user: bob}}",
         "strategies.a.user: the book main is alice's: bob cannot trade in it (nearest: alice)"),
        ("books: {main: {}, small: {}}\naccounts: {paper: {book: small}}\n"
         "strategies: {a: {book: main, accounts: [paper]}}",
         "strategies.a.accounts.1: the account paper is in the book small, and the strategy in main"),
        ("users: {alice: {}, bob: {}}\nbooks: {main: {}}",
         "books.main.user: whose is it? There are 2 users: name one of them (nearest: alice)"),
        ("users: {alice: {}, x: {}}\nbooks: {x: {user: alice}}",
         "users.x.book: the book x, which would be theirs by its name, is alice's: write "
         "books: {x.2: {user: x}}, or any other name"),
        ("users: {alice: {book: bob}, bob: {}}",
         "users.bob.book: the book bob, which would be theirs by its name, is alice's: write "
         "books: {bob.2: {user: bob}}, or any other name"),
        ("books: {system: {}}", "books.system: system is the service's own"),
        ("strategies: {a: {class: sma}}",
         "strategies.a.symbol: a class needs the symbol that it trades, such as BTC/USDT"),
        ("strategies: {a: {params: {x: 1}}}", "strategies.a.params: parameters without a class to take them"),
        ("strategies: {a: {interval: 5 minutes}}",
         "strategies.a.interval: '5 minutes' is not a length of time: a number and one of us, ms, s, m, h, d, w, such "
         "as 5m (nearest: 1m)"),
        ("strategies: {a: {sizing: {by: risk, amount: 200}}}",
         "strategies.a.sizing.amount: 200 % is more than all there is (nearest: 100)"),
        ("strategies: {a: {sizing: {amount: 0}}}", "strategies.a.sizing.amount: 0 trades nothing (nearest: 1)"),
        (f"strategies: {{a: {{token: {TOKEN}}}, b: {{token: {TOKEN}}}}}",
         "strategies.b.token: the same token as that of a: an alert could be either's"),
        ("tradingview: {require: [signature]}",
         "tradingview.require: signature needs a secret: set tradingview.secret, or TRADINGVIEW_SECRET"),
        ("tradingview: {require: [token]}",
         "tradingview.require: token needs a strategy that has one: `orderwright tradingview token NAME` makes it"),
        ("tradingview: {require: [address]}", "tradingview.require: address needs tradingview.addresses"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(text: str, told: str) -> None:
    assert [problem.partition(": ")[2] for problem in problems_of(text)] == [told]


@pytest.mark.parametrize(
    "text",
    [
        "service: {auth: off, host: localhost}",
        "service: {auth: off, host: 127.0.0.7}",
        "service: {auth: off, host: '::1'}",
        "service: {host: 0.0.0.0, port: 0}",
        f"strategies: {{a: {{token: {TOKEN}}}}}\ntradingview: {{require: [token]}}",
        "tradingview: {require: [signature, address], secret: s, addresses: [10.0.0.0/8, '::1']}",
        "strategies: {a: {class: my.module:Trend, symbol: BTC/USDT, params: {fast: 5, share: 0.5}, interval: 5M}}",
        "strategies: {a: {class: strategies/trend.py:Trend, symbol: BTC/USDT}}",
        "users: {alice: {}, x: {}}\nbooks: {x: {user: alice}, x.2: {user: x}}",
        WHOSE,
    ],
)
def test_what_fits_together_is_good(text: str) -> None:
    assert problems_of(text) == []


def test_whose_is_what_follows_from_what_is_written() -> None:
    configuration = loaded_from(WHOSE).configuration

    assert books(configuration) == ["main", "small"]
    assert {book: owner_of(configuration, book) for book in books(configuration)} == {"main": "alice", "small": "bob"}
    assert [book_of_user(configuration, user) for user in ("alice", "bob", "carol")] == ["main", "small", "carol"]
    assert [book_of_account(configuration, account) for account in ("paper", "other")] == ["main", "small"]
    assert [book_of_strategy(configuration, name) for name in ("trend", "swing")] == ["main", "small"]


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("", {}),
        ("accounts: {paper: {}}", {"main": "main"}),
        ("books: {main: {}}", {"main": "main"}),
        ("users: {alice: {}}", {"alice": "alice"}),
        ("users: {alice: {}}\nbooks: {main: {}}", {"main": "alice"}),
        ("users: {alice: {}, bob: {}}\nbooks: {alice: {}, shared: {user: bob}}", {"alice": "alice", "shared": "bob"}),
        ("strategies: {a: {book: trend}}", {"trend": "trend"}),
        ("accounts: {paper: {user: alice}}", {"alice": "alice"}),
    ],
)
def test_a_book_is_there_and_owned_where_it_is_named_at_all(text: str, whose: dict[str, str]) -> None:
    configuration = loaded_from(text).configuration

    assert {book: owner_of(configuration, book) for book in books(configuration)} == whose


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("database: {type: postgresql}", "database.type: postgresql is not available in this version"),
        ("database: {url: 'postgresql://u:hunter2@db/orders'}",
         "database.url: postgresql is not available in this version"),
        ("messaging: {type: pubsub}", "messaging.type: pubsub is not available in this version"),
        ("execution: {mode: direct}", "execution.mode: direct is not available in this version"),
        ("accounts: {real: {exchange: binance, mode: live}}",
         "accounts.real.mode: live is not available in this version"),
        ("accounts: {real: {exchange: binance}}",
         "accounts.real.exchange: binance is not available in this version"),
    ],
)  # fmt: skip
def test_what_a_later_version_brings_is_known_by_name_and_not_available(text: str, told: str) -> None:
    found = unavailable(loaded_from(text).configuration)

    assert [f"{one.field}: {one.message}" for one in found] == [told]
    assert "hunter2" not in str(found[0].__dict__)


def test_an_exchange_in_simulation_may_have_any_name() -> None:
    configuration = loaded_from("accounts: {paper: {exchange: binance, mode: simulation}}").configuration

    assert unavailable(configuration) == []
