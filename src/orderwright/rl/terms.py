"""On what terms an environment trades: money, costs, and how bad the market and the line to it are.

Numbers are what a user writes; what draws chance (a random spread, latency, faults) is given a seed of its own in each
episode, which follows from the episode's. `models` takes the place of all of them for whoever wants a model of their
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from inspect import Parameter, signature
from typing import Any

from msgspec import Struct

from orderwright.config import not_negative, rate_of, share_of
from orderwright.core.model import Account, VenueTraits
from orderwright.core.numbers import ZERO, parse_decimal, text
from orderwright.errors import InputError, UnknownName
from orderwright.simulation.faults import Faults
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import ConstantLatency, LatencyModel, UniformLatency
from orderwright.simulation.models.slippage import NoSlippage, SlippageBps
from orderwright.simulation.models.spread import NoSpread, RandomSpread, SpreadBps, SpreadModel
from orderwright.simulation.models.volume import AnyVolume, VolumeShare

BPS = Decimal(10_000)
Range = tuple[Decimal, Decimal]


class Terms(Struct, frozen=True, kw_only=True):
    """initial_balance: quote units. commission, slippage: fractions. spread_bps, latency_ms: (least, most); equal where
    it is always the same. volume_share: None for any quantity. models: in place of the market's part of these."""

    initial_balance: Decimal = Decimal(10_000)
    commission: Decimal = ZERO
    slippage: Decimal = ZERO
    spread_bps: Range = (ZERO, ZERO)
    latency_ms: Range = (ZERO, ZERO)
    volume_share: Decimal | None = None
    faults: Faults | None = None
    models: Models | None = None
    allow_short: bool = False

    def account(self, name: str, traits: VenueTraits) -> Account:
        """The account that an episode trades in; its estimates allow for fee and slippage."""
        return Account(
            account=name,
            maker_fee=self.commission,
            taker_fee=self.commission,
            slippage_bps=self.slippage * BPS,
            traits=traits,
        )

    def market(self, seed: int) -> Models:
        """The market's models, their chance drawn from a seed."""
        if self.models is not None:
            return self.models
        return Models(
            spread=self._spread(seed),
            slippage=SlippageBps(self.slippage * BPS) if self.slippage else NoSlippage(),
            volume=VolumeShare(self.volume_share) if self.volume_share is not None else AnyVolume(),
            latency=self._latency(seed),
        )

    def _spread(self, seed: int) -> SpreadModel:
        least, most = self.spread_bps
        if least != most:
            return RandomSpread(seed, least, most)
        return SpreadBps(most) if most else NoSpread()

    def _latency(self, seed: int) -> LatencyModel:
        least, most = (int(1_000 * bound) for bound in self.latency_ms)
        return UniformLatency(seed, least, most) if least != most else ConstantLatency(most, most)


def terms_of(
    initial_balance: Any = 10_000,
    commission: Any = 0.001,
    slippage: Any = 0.0,
    *,
    spread_bps: Any = 0,
    latency_ms: Any = 0,
    volume_share: Any = None,
    faults: Faults | None = None,
    models: Models | None = None,
    allow_short: bool = False,
) -> Terms:
    """Checked terms. Raises InputError with the field, its value and the nearest good one."""
    if models is not None and (slippage or spread_bps or latency_ms or volume_share is not None):
        message = "models say spread, slippage, latency and volume: leave the others out"
        raise InputError(message, field="models", value=models)
    if models is not None and not isinstance(models, Models):
        raise InputError(f"{models!r} is not Models", field="models", value=models)
    if faults is not None and not isinstance(faults, Faults):
        raise InputError(f"{faults!r} is not Faults, such as simulation.faults.BAD_DAY", field="faults", value=faults)
    balance = parse_decimal(initial_balance, "initial_balance")
    if balance <= 0:
        raise InputError(f"{text(balance)} is not above 0", field="initial_balance", value=initial_balance)
    return Terms(
        initial_balance=balance,
        commission=rate_of(_shown(commission), "commission"),
        slippage=rate_of(_shown(slippage), "slippage"),
        spread_bps=_range(spread_bps, "spread_bps"),
        latency_ms=_range(latency_ms, "latency_ms"),
        volume_share=None if volume_share is None else share_of(_shown(volume_share)),
        faults=faults,
        models=models,
        allow_short=bool(allow_short),
    )


def checked_terms(given: dict[str, Any], *, allow_short: bool, of: type) -> Terms:
    """Terms by name. of: the environment, which knows other parameters. Raises UnknownName for one that neither knows,
    with the nearest."""
    known = list(signature(terms_of).parameters)
    for name in given:
        if name not in known:
            raise unknown_parameter(name, of, known)
    return terms_of(**given, allow_short=allow_short)


def unknown_parameter(name: str, of: type, terms: Iterable[str] = ()) -> UnknownName:
    """The error for a parameter that an environment does not have: the nearest, or all that it has."""
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    own = [one.name for one in signature(of).parameters.values() if one.kind in kinds]
    return UnknownName(f"parameter of {of.__name__}", name, {*own, *terms}, field=name, most=100)


def _shown(value: Any) -> str:
    return text(parse_decimal(value, "value")) if isinstance(value, int | float | Decimal) else str(value)


def _range(value: Any, field: str) -> Range:
    """(least, most) of a number or of two."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise InputError("a number, or two: (least, most)", field=field, value=value)
        least, most = (not_negative(_shown(bound), field) for bound in value)
        if least > most:
            raise InputError("the least is above the most", field=field, value=value, nearest=tuple(reversed(value)))
        return least, most
    same = not_negative(_shown(value), field)
    return same, same
