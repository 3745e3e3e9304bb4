"""The one place where real adapters are wired together; tests pass fakes to the same classes.

run.py      `orderwright run`: a book, its log and a simulated exchange over candles
serve.py    `orderwright serve`: the live service; imported where it is started
trial.py    `orderwright config check`: the same parts made in memory
"""

from orderwright.bootstrap.run import (
    FEE_IN,
    SIMULATED,
    Progress,
    RunOptions,
    RunResult,
    check_parent,
    check_place,
    command_of,
    opened,
    run,
)

__all__ = [
    "FEE_IN",
    "SIMULATED",
    "Progress",
    "RunOptions",
    "RunResult",
    "check_parent",
    "check_place",
    "command_of",
    "opened",
    "run",
]
