"""docs/order_states.md is drawn from the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderwright.core.diagram import BEGIN, GROUPS, picture, redrawn
from orderwright.core.model import OrderStatus

PAGE = Path(__file__).parents[2] / "docs" / "order_states.md"


def test_the_page_is_drawn_from_the_table_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert redrawn(page) == page, "the table has changed: run `make docs`"


def test_the_picture_shows_every_status_once_in_a_group() -> None:
    lines = picture().splitlines()
    shown = [line.strip() for line in lines if line.strip() in OrderStatus.__members__]

    assert sorted([*shown, "PENDING"]) == sorted(OrderStatus.__members__)
    assert sorted(status for statuses in GROUPS.values() for status in statuses) == sorted(OrderStatus)


def test_a_page_without_its_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="two markers"):
        redrawn(f"# A page\n{BEGIN}\n")
