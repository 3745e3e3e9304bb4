"""From the configuration to parts of the service: what it is observed with, and the copy of its log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orderwright.config.mapping import log_place, secrets_of

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration
    from orderwright.service.mirroring import MirrorKeeper
    from orderwright.service.observing.assembly import Seen


def seen_of(configuration: Configuration) -> Seen:
    """Logs, metrics and alerts as service.log_format, order_params and alerts say."""
    from orderwright.service.observing.assembly import Seen

    params, alerts = configuration.order_params, configuration.alerts
    return Seen(
        log_format=configuration.service.log_format,
        log_level=params.log_level.upper(),
        urls=[url.get_secret_value() for url in alerts.urls],
        topics=alerts.topics,
        derived=params.track_execution_metrics,
        secrets=secrets_of(configuration),
    )


def mirror_of(configuration: Configuration, told: Callable[[str], None]) -> MirrorKeeper | None:
    """What keeps the DuckDB copy of the log, to be started when the log is there; None where there is no copy."""
    from orderwright.service.mirroring import MirrorKeeper

    place = log_place(configuration)
    if place.log is None or place.mirror is None:
        return None
    return MirrorKeeper(place.log, place.mirror, every_ms=configuration.database.refresh_ms, told=told)


__all__ = ["mirror_of", "seen_of"]
