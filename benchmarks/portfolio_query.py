"""portfolio-query: one user's answers from a log of 10,000,000 rows and 1,000 users, each a call; the first line is all
of them together.

Figures are medians, so of pages that are in memory; `first_ms` is the first time each was asked, one after the other.
`user-0` has accounts on two exchanges and twice the fills of most, so he is the slow kind; `user-1` has one. The naive
way, timed in the same run, finds the fills that the profit is made of by reading the whole log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from benchmarks.common import emit
from benchmarks.latest_query import timed
from benchmarks.ten_million import ten_million
from orderwright.analytics import portfolio as ask
from orderwright.core.model import DAY
from orderwright.journal.sqlite import SqliteJournal, open_log

TARGET_MS = 100
NAIVE = """
SELECT count(*) FROM log AS now
JOIN orders ON orders.id = now.order_key
JOIN log AS opened ON opened.kind = 'account_opened' AND opened.account = orders.account
WHERE opened.user_id = ? AND now.kind IN ('order_filled', 'fill_corrected', 'fill_busted')
"""


def questions(journal: SqliteJournal, user: str, end: int) -> dict[str, Callable[[], Any]]:
    """What a user's page would ask, by name."""
    month = {"user": user, "start": end - 30 * DAY}
    return {
        "prices": lambda: ask.latest_prices(journal, user=user, exchange="simulated"),
        "balances": lambda: ask.latest_balances(journal, user=user),
        "open_balances": lambda: ask.open_balances(journal, user=user),
        "total_balance": lambda: ask.total_balance(journal, user=user),
        "total_balance_as_of": lambda: ask.total_balance(journal, user=user, as_of=end - 15 * DAY),
        "exposure": lambda: ask.exposure(journal, user=user),
        "profit_by_day": lambda: ask.profit(journal, "day", **month),  # type: ignore[arg-type]  # user and start
        "profit_by_strategy": lambda: ask.profit(journal, "strategy", **month),  # type: ignore[arg-type]  # as above
        "equity_curve": lambda: ask.equity_curve(journal, user=user, every=DAY),
    }


def main() -> None:
    path = ten_million()
    journal = open_log(path, read_only=True)
    connection = sqlite3.connect(path)
    end = connection.execute("SELECT time FROM log ORDER BY position DESC LIMIT 1").fetchone()[0]
    took: dict[str, dict[str, float]] = {}
    first, fills = {}, {}
    for user in ("user-1", "user-0"):
        asked = questions(journal, user, end)
        first[user] = sum(timed(question, times=1)[0] for question in asked.values())
        took[user] = {}
        for name, question in asked.items():
            took[user][name], answer = timed(question)
            if name == "profit_by_strategy":
                fills[user] = sum(line.fills for line in answer)
    naive_ms, naive = timed(lambda: connection.execute(NAIVE, ("user-1",)).fetchone()[0], times=1)
    assert fills["user-1"] == naive, (fills, naive)
    whole = sum(took["user-1"].values())
    more = {"first_ms": round(first["user-1"], 1), "naive_ms": round(naive_ms, 1)}
    emit("portfolio-query", "all_answers_ms", whole, "ms", TARGET_MS, fills=naive, **more)
    for user, each in took.items():
        for name, milliseconds in each.items():
            emit("portfolio-query", f"{name}_ms", milliseconds, "ms", TARGET_MS, user=user, fills=fills[user])


if __name__ == "__main__":
    main()
