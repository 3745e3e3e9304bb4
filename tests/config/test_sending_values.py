"""The settings of how orders are sent, from a book's JSON file."""

from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.config import load_settings
from orderwright.core.model import Settings
from orderwright.errors import InputError

MINUTE = 60_000_000


def test_order_params_are_read_from_a_books_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(
        '{"max_slippage_bps": "12.5", "remainder": "retry", "retry_attempts": 0, "retry_delay_ms": 0,'
        ' "execution_timeout_ms": 900, "rate_limit_orders": 10, "rate_limit_window_ms": 2000, "rate_queue": 0}'
    )

    assert load_settings(path, MINUTE) == Settings(
        max_price_age_ms=120_000,
        max_slippage_bps=Decimal("12.5"),
        remainder="retry",
        retry_attempts=0,
        retry_delay_ms=0,
        execution_timeout_ms=900,
        rate_limit_orders=10,
        rate_limit_window_ms=2_000,
        rate_queue=0,
    )


@pytest.mark.parametrize(
    ("text", "field", "nearest"),
    [
        ('{"remainder": "rety"}', "remainder", "retry"),
        ('{"max_slippage_bps": "-1"}', "max_slippage_bps", "0"),
        ('{"max_slippage_bps": "10000"}', "max_slippage_bps", None),
        ('{"retry_attempts": 21}', "retry_attempts", "20"),
        ('{"execution_timeout_ms": 0}', "execution_timeout_ms", 1),
        ('{"rate_limit_orders": 0}', "rate_limit_orders", "1"),
        ('{"rate_limit_order": 1}', "rate_limit_order", "rate_limit_orders"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_nearest(
    tmp_path: Path, text: str, field: str, nearest: object
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)

    with pytest.raises(InputError) as raised:
        load_settings(path, MINUTE)
    assert (raised.value.field, raised.value.nearest) == (field, nearest)
