"""A log that is open keeps its locks: another process that looks into it and goes away takes nothing with it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from orderwright.core import messages as m
from orderwright.core.model import Account
from orderwright.driver import Driver
from orderwright.journal.sqlite import open_log
from tests.builders import NOW

LOOK = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT count(*) FROM log').fetchone()[0])"
)


def test_who_looks_into_an_open_log_and_closes_it_takes_no_rows_with_them(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    journal = open_log(log)
    reader = journal.reader()
    driver = Driver("main", journal, {})
    driver.turn([m.OpenAccount(account=Account(account="main"))], NOW)

    def rows_for_others() -> int:
        return int(subprocess.run([sys.executable, "-c", LOOK, str(log)], capture_output=True, check=True).stdout)

    before = rows_for_others()
    driver.turn([m.MoveCash(account="main", asset="USDT", amount=Decimal(5))], NOW + 1)
    driver.turn([m.MoveCash(account="main", asset="USDT", amount=Decimal(7))], NOW + 2)
    assert rows_for_others() == driver.state.sequence > before
    reader.close()
    journal.close()
    again = sqlite3.connect(log)
    assert again.execute("SELECT count(*) FROM log").fetchone()[0] == driver.state.sequence
    again.close()
