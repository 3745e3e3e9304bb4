"""What the simulated exchange assumes, one small model per file; each begins with its assumptions.

`Models` is the whole choice in one record. Its defaults are the frictionless market: no fees but the account's own, no
spread, no slippage, any quantity at once, no latency.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from orderwright.simulation.models.fees import FeeModel
from orderwright.simulation.models.latency import ConstantLatency, LatencyModel
from orderwright.simulation.models.path import PathModel, nearer_first
from orderwright.simulation.models.slippage import NoSlippage, SlippageModel
from orderwright.simulation.models.spread import NoSpread, SpreadModel
from orderwright.simulation.models.volume import AnyVolume, VolumeModel


class Models(Struct, frozen=True, kw_only=True):
    """How the market treats an order.

    fees: None takes each account's own rates. intrabar: whether an order that arrives inside a candle sees the rest
    of its path, or (the honest default) only its close. beyond_size: what a market order does with what exceeds the
    quoted size: `slip` one tick, or `wait` for the next quote. stops_in_market: a stop that is already reached when it
    arrives is refused (`reject`, as Binance does) or triggers at once (`trigger`). close_known_us: how long before the
    end of a candle its close is known; 0, only then. For backtests that decide on a close and trade at it.
    """

    fees: FeeModel | None = None
    spread: SpreadModel = NoSpread()
    slippage: SlippageModel = NoSlippage()
    volume: VolumeModel = AnyVolume()
    latency: LatencyModel = ConstantLatency()
    path: PathModel = nearer_first
    intrabar: bool = False
    beyond_size: Literal["slip", "wait"] = "slip"
    stops_in_market: Literal["reject", "trigger"] = "reject"
    close_known_us: int = 0


__all__ = ["Models"]
