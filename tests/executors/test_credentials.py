"""Users and their keys: kept, found, and never shown."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import msgspec
import pytest

from orderwright.errors import InputError, UnknownName
from orderwright.executors import (
    ExternalAPI,
    GenericExecutor,
    MemoryCredentials,
    MockExecutor,
    Secret,
    Status,
    Trade,
    UserCreds,
    UserInfo,
)
from tests.executors.builders import AnAPI

HIDDEN = ("key-abc", "secret-def", "phrase-ghi")
CREDS = UserCreds(
    user_id="ann", exchange="binance", api_key="key-abc", api_secret="secret-def", passphrase="phrase-ghi"
)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        lambda creds: msgspec.json.encode(creds).decode(),
        lambda creds: msgspec.msgpack.encode(creds).decode("latin-1"),
        lambda creds: str(msgspec.to_builtins(creds)),
        lambda creds: str(msgspec.structs.asdict(creds)),
        lambda creds: str(msgspec.structs.astuple(creds)),
        lambda creds: str([vars(part) for part in msgspec.structs.astuple(creds) if isinstance(part, Secret)]),
        lambda creds: pickle.dumps(creds).decode("latin-1"),
        lambda creds: repr(UnknownName("user", "bob", [str(creds)])),
        lambda creds: repr(MemoryCredentials(creds)) + str(vars(MemoryCredentials(creds))),
        lambda creds: str(vars(GenericExecutor(AnAPI(), MemoryCredentials(creds)))),
    ],
)
def test_no_way_of_showing_credentials_shows_a_secret(show: Any) -> None:
    shown = show(CREDS)
    assert not [hidden for hidden in HIDDEN if hidden in shown]


def test_who_signs_gets_the_secrets_by_name() -> None:
    assert tuple(CREDS.reveal(name) for name in ("api_key", "api_secret", "passphrase")) == HIDDEN
    with pytest.raises(UnknownName, match=r"unknown secret 'api_sekret'.*nearest: api_secret"):
        CREDS.reveal("api_sekret")


def test_a_copy_keeps_the_secret_and_a_pickle_does_not() -> None:
    assert copy.deepcopy(CREDS) == copy.copy(CREDS) == msgspec.structs.replace(CREDS) == CREDS
    assert pickle.loads(pickle.dumps(CREDS)).reveal("api_key") == ""


def test_credentials_are_read_from_a_file() -> None:
    said = b'{"user_id": "ann", "exchange": "binance", "api_key": "key-abc", "api_secret": "secret-def"}'
    read = msgspec.json.decode(said, type=UserCreds)
    assert read == msgspec.structs.replace(CREDS, passphrase="")


def test_other_secrets_are_other_credentials() -> None:
    assert msgspec.structs.replace(CREDS, api_key="key-xyz") != CREDS
    assert (bool(Secret()), bool(Secret.of("x")), Secret.of(Secret.of("x"))) == (False, True, Secret.of("x"))
    assert hash(Secret.of("x")) == hash(Secret.of("x"))


def test_an_error_of_the_exchange_that_quotes_the_key_is_told_without_it() -> None:
    class Leaky(AnAPI):
        def submit_order(self, trade: Trade, creds: UserCreds) -> Status:
            raise ConnectionError(f"GET https://api.example.com?key={creds.reveal('api_key')} timed out")

    executor = GenericExecutor(Leaky(), MemoryCredentials(CREDS))
    status = executor.submit(Trade("BTC", "USDT", "buy", 1, user_id="ann", exchange="binance"))
    assert status.error == "GET https://api.example.com?key=*** timed out"


def test_a_refused_link_does_not_quote_the_key() -> None:
    with pytest.raises(InputError) as caught:
        MemoryCredentials().link(msgspec.structs.replace(CREDS, exchange=""))
    shown = "".join(traceback.format_exception(caught.value))
    assert not [hidden for hidden in HIDDEN if hidden in shown]


def test_linking_creates_the_user_and_newer_credentials_replace_the_older() -> None:
    creds = MemoryCredentials()
    assert not creds.users
    assert creds.link(CREDS) == UserInfo(user_id="ann", exchange="binance")
    newer = UserCreds(user_id="ann", exchange="Binance", api_key="new")
    creds.link(newer)
    assert (creds.users, creds.get_creds_by_user_exchange("ann", "BINANCE")) == (("ann",), newer)


def test_without_a_user_or_an_exchange_the_first_is_meant() -> None:
    bybit = UserCreds(user_id="ann", exchange="bybit")
    creds = MemoryCredentials(CREDS, bybit, UserCreds(user_id="bob"))
    assert creds.get_creds_by_user_exchange("", "") == CREDS
    assert creds.get_creds_by_user_exchange("ann", "") == CREDS
    assert creds.get_creds_by_user_exchange("", "bybit") == bybit


@pytest.mark.parametrize(
    ("user", "exchange", "said"),
    [
        ("anne", "binance", r"user_id: unknown user 'anne' \(nearest: ann\)"),
        ("ann", "binanse", r"exchange: unknown exchange 'binanse' \(nearest: binance\)"),
    ],
)
def test_who_is_not_linked_is_unknown(user: str, exchange: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        MemoryCredentials(CREDS).get_creds_by_user_exchange(user, exchange)


def test_on_paper_an_unknown_user_is_created() -> None:
    creds = MemoryCredentials(paper=True)
    assert creds.get_creds_by_user_exchange("bob", "") == UserCreds(user_id="bob", exchange="simulated")
    assert creds.users == ("bob",)


def test_testnet_is_the_default_and_live_is_written_out() -> None:
    assert CREDS.testnet
    assert not UserCreds(user_id="ann", testnet=False).testnet


def test_an_executor_links_the_credentials_it_is_given() -> None:
    executor = MockExecutor(seed=1)
    executor.set_credentials(CREDS)
    assert executor.get_api_key("ann", "binance") == CREDS
    assert isinstance(executor.api, ExternalAPI)
