"""Everything a trade needs, made up: a random market, a bad line, users without keys. For trying out and for training.

    executor = MockExecutor(seed=7)
    trade = Trade("BTC", "USDT", "buy", 0.01)
    status = executor.submit(trade)         # OPEN, or UNKNOWN: its acknowledgement was lost
    status = executor.status(trade)         # a minute later: FILLED

- The market is a random walk of minutes (market/random_market.py) with a random spread. The exchange is the simulated
  one, the order engine the real one.
- What goes wrong, how wide the spread is and where the price goes follow from the seed: one seed and the same calls
  give the same answers, order ids too.
- Each of its three parts can be given instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orderwright.core.model import Account
from orderwright.core.numbers import parse_decimal
from orderwright.errors import InputError
from orderwright.executors.api import ExternalAPI
from orderwright.executors.connector_api import ConnectorAPI
from orderwright.executors.credentials import ICredentials, MemoryCredentials
from orderwright.executors.executor import GenericExecutor, new_ids
from orderwright.executors.validation import IValidation, Validation
from orderwright.executors.words import Number
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import MINUTE, START, random_candles
from orderwright.simulation.exchange import TRAITS
from orderwright.simulation.faults import BAD_DAY, Faults, FaultyExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import LognormalLatency
from orderwright.simulation.models.spread import RandomSpread

DEPOSITS: Mapping[str, Number] = {"USDT": 1_000_000, "BTC": 10}
_WARM_UP = MINUTE


class MockAPI(ConnectorAPI):
    """A made-up exchange, under any name. faults: what goes wrong (None: a bad day). spread_bps: the narrowest and the
    widest spread. minutes: how long the market lasts. deposits: what each new user has. pace_ms: how much time a
    question takes."""

    def __init__(
        self,
        seed: int = 0,
        *,
        faults: Faults | None = None,
        symbols: Iterable[str] = ("BTC/USDT",),
        spread_bps: tuple[Number, Number] = (1, 10),
        deposits: Mapping[str, Number] | None = None,
        fee_rate: Number = "0.001",
        latency_ms: int = 40,
        exchange: str = "simulated",
        minutes: int = 10_080,
        pace_ms: int = 60_000,
    ) -> None:
        least, most = (parse_decimal(bps, "spread_bps") for bps in spread_bps)
        if not 0 <= least <= most:
            raise InputError("the narrowest spread, then the widest", field="spread_bps", value=spread_bps)
        rate = parse_decimal(fee_rate, "fee_rate")
        instruments = [default_instrument(symbol) for symbol in symbols]
        feeds = [random_candles(seed + at, minutes, instrument) for at, instrument in enumerate(instruments)]
        models = Models(spread=RandomSpread(seed, least, most), latency=LognormalLatency(seed, 1_000 * latency_ms))
        self.market = FaultyExchange(feeds, models, faults=faults if faults is not None else BAD_DAY, seed=seed)
        super().__init__(
            self.market,
            instruments,
            exchange=exchange,
            account=Account(account="paper", maker_fee=rate, taker_fee=rate, slippage_bps=Decimal(50), traits=TRAITS),
            deposits=deposits if deposits is not None else DEPOSITS,
            start=START + _WARM_UP,
            pace_ms=pace_ms,
        )
        self.advance()


class MockExecutor(GenericExecutor):
    """The executor that needs nothing; what is given is used. more: for MockAPI. Raises InputError for `more` beside an
    API of one's own."""

    def __init__(
        self,
        api: ExternalAPI | None = None,
        creds: ICredentials | None = None,
        validator: IValidation | None = None,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        **more: object,
    ) -> None:
        if api is not None and (more or faults is not None):
            given = ", ".join(more) or "faults"
            raise InputError("is for the made-up exchange, and another one is given", field=given)
        ids = None
        if api is None:
            api = made_up = MockAPI(seed, faults=faults, **more)  # type: ignore[arg-type]  # MockAPI says what it takes
            ids = new_ids(lambda: made_up.now, f"mock|{seed}")
            validator = validator or Validation(made_up.instruments, market=made_up.market, clock=lambda: made_up.now)
        super().__init__(api, creds or MemoryCredentials(paper=True), validator, ids=ids)

    def advance(self, milliseconds: int = 60_000) -> None:
        """Let the made-up market go on. Raises InputError with an API that has no time of its own."""
        if not isinstance(self.api, ConnectorAPI):
            raise InputError("this API has no time of its own", field="api")
        self.api.advance(milliseconds)
