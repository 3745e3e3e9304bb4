"""What becomes of brackets and groups, as tables that a trader can read (tests/core/contingent.py says how)."""

from __future__ import annotations

import pytest

from tests.core.contingent import play
from tests.core.scenarios import tables

TABLES = """
    Each fill of the entry brings the exits to what it has filled, at percent of its average price
    said              | entry              | stop            | target
    enter 2           | open 2             | pending 2       | pending 2
    entry fills 1 100 | partially_filled 2 | open 1 @98      | open 1 @104
    entry fills 1 110 | filled 2           | open 2 @102.9   | open 2 @109.2
    stop fills 2 102  | filled 2           | filled 2 @102.9 | cancelled 2 @109.2

    What one exit fills the other no longer asks for
    said                 | entry    | stop                   | target
    enter 2              | open 2   | pending 2              | pending 2
    entry fills 2 100    | filled 2 | open 2 @98             | open 2 @104
    target fills 1 104   | filled 2 | open 1 @98             | partially_filled 2 @104
    stop fills 0.4 98    | filled 2 | partially_filled 1 @98 | partially_filled 1.6 @104
    target fills 0.6 104 | filled 2 | cancelled 1 @98        | filled 1.6 @104

    Armed in full, exits go out when the entry has filled
    said                   | entry              | stop          | target
    enter 2, armed in full | open 2             | pending 2 @90 | pending 2 @120
    entry fills 1 100      | partially_filled 2 | pending 2 @90 | pending 2 @120
    entry fills 1 100      | filled 2           | open 2 @90    | open 2 @120

    Armed in full, and the entry is cancelled with some fills
    said                   | entry              | stop          | target
    enter 2, armed in full | open 2             | pending 2 @90 | pending 2 @120
    entry fills 1 100      | partially_filled 2 | pending 2 @90 | pending 2 @120
    entry cancel           | cancelled 2        | open 1 @90    | open 1 @120

    An entry that ends without a fill takes its exits along
    said         | entry       | stop        | target
    enter 2      | open 2      | pending 2   | pending 2
    entry cancel | cancelled 2 | cancelled 2 | cancelled 2

    An entry that is cancelled leaves the exits of what it has filled
    said                | entry              | stop         | target
    enter 2             | open 2             | pending 2    | pending 2
    entry fills 0.5 100 | partially_filled 2 | open 0.5 @98 | open 0.5 @104
    entry cancel        | cancelled 2        | open 0.5 @98 | open 0.5 @104

    A bust makes the exits smaller, and takes them away
    said              | entry              | stop            | target
    enter 2           | open 2             | pending 2       | pending 2
    entry fills 1 100 | partially_filled 2 | open 1 @98      | open 1 @104
    entry fills 1 100 | filled 2           | open 2 @98      | open 2 @104
    entry bust e2     | partially_filled 2 | open 1 @98      | open 1 @104
    entry bust e1     | open 2             | cancelled 1 @98 | cancelled 1 @104
    entry fills 2 100 | filled 2           | cancelled 1 @98 | cancelled 1 @104

    An entry that fills on after its stop has filled gets another stop
    said              | entry              | stop         | stop 2
    enter 2           | open 2             | pending 2    | -
    entry fills 1 100 | partially_filled 2 | open 1 @98   | -
    stop fills 1 98   | partially_filled 2 | filled 1 @98 | -
    entry fills 1 100 | filled 2           | filled 1 @98 | open 1 @98

    What a user does to an exit stays done
    said              | entry              | stop       | target
    enter 2           | open 2             | pending 2  | pending 2
    entry fills 1 100 | partially_filled 2 | open 1 @98 | open 1 @104
    stop moved 99     | partially_filled 2 | open 1 @99 | open 1 @104
    target cancel     | partially_filled 2 | open 1 @99 | cancelled 1 @104
    entry fills 1 100 | filled 2           | open 2 @99 | cancelled 1 @104

    A close cancels the exits first, and closes what is held
    said              | entry    | stop            | target
    enter 2           | open 2   | pending 2       | pending 2
    entry fills 2 100 | filled 2 | open 2 @98      | open 2 @104
    we close          | filled 2 | cancelled 2 @98 | cancelled 2 @104

    Of a group, what one fills the others no longer ask for
    said            | a                        | b
    a and b, 3 each | open 3 @98               | open 3 @97
    a fills 1 98    | partially_filled 3 @98   | open 2 @97
    b fills 0.5 97  | partially_filled 2.5 @98 | partially_filled 2 @97
    a fills 1.5 98  | filled 2.5 @98           | cancelled 2 @97

    Of a group, cancelling one cancels nothing else
    said            | a               | b
    a and b, 3 each | open 3 @98      | open 3 @97
    a cancel        | cancelled 3 @98 | open 3 @97
    b fills 3 97    | cancelled 3 @98 | filled 3 @97

    Of a group, what has filled of one that ended still counts
    said            | a                      | b
    a and b, 3 each | open 3 @98             | open 3 @97
    a fills 1 98    | partially_filled 3 @98 | open 2 @97
    a expires       | expired 3 @98          | open 2 @97
    b fills 2 97    | expired 3 @98          | filled 2 @97

    Of a group, a bust gives the others more to ask for
    said            | a                      | b
    a and b, 3 each | open 3 @98             | open 3 @97
    a fills 1 98    | partially_filled 3 @98 | open 2 @97
    a bust e1       | open 3 @98             | open 3 @97
"""


@pytest.mark.parametrize("table", tables(TABLES), ids=lambda table: table[0])
def test_scenario(table: list[str]) -> None:
    assert play(list(table)) == table
