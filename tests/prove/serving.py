"""The service that is proven: `orderwright serve` in a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from orderwright.service.tradingview.tokens import hash_of
from tests.prove.told import require
from tests.service.shell import PATIENCE_S, PROGRAM, Process, a_process

TOKEN = "a-token-of-the-proofs-0123456789abcdef"
SECRET = "the-secret-of-the-proofs"
CONFIG = f"""
service: {{requests_per_minute: null}}
execution: {{simulation: {{deposits: {{USDT: 1000000000, BTC: 1000000, ETH: 1000000, SOL: 1000000}}}}}}
strategies: {{proof: {{token_hash: {hash_of(TOKEN)}}}}}
tradingview: {{secret: {SECRET}}}
order_params: {{log_level: warning}}
"""


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, config: str = CONFIG, program: Sequence[str] = PROGRAM) -> Iterator[Process]:
    """A service on the folder's log."""
    with a_process(folder, "--log", str(log_in(folder)), *arguments, config=config, program=program) as process:
        try:
            yield process
        except BaseException as error:
            error.add_note(f"the service ({process.process.poll()}): {process.told_errors()[-3_000:]}")
            raise


def log_in(folder: Path) -> Path:
    return folder / "log.sqlite"


def port_of(process: Process) -> int:
    return int(process.address.rpartition(":")[2])


def peak_mb(process: Process) -> float:
    """The most memory it has had, MiB; 0 for a process that is gone."""
    try:
        status = Path(f"/proc/{process.process.pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """(exit code, output, errors) of an `orderwright` command."""
    done = subprocess.run([*PROGRAM, *arguments], check=False, capture_output=True, text=True, cwd=folder, timeout=300)
    return done.returncode, done.stdout, done.stderr


async def gone(process: Process) -> float:
    """Wait until it has ended, or for PATIENCE_S; the seconds that took."""
    began = time.perf_counter()
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.process.wait, PATIENCE_S)
    return time.perf_counter() - began


def last_line(process: Process) -> str:
    """What a service that ended by itself has said why: one line of its own."""
    lines = [line for line in process.told_errors().splitlines() if line.startswith("orderwright: ")]
    require(len(lines) == 1, f"it did not say one line why it ended: {process.told_errors()[-2_000:]}")
    return lines[0]


def clean(process: Process, *secrets: str) -> None:
    """Raises Failed where its log lines have a trace, or a secret."""
    said = process.told_errors()
    for word in ("Traceback", "fault of ours", "never retrieved", "never awaited", TOKEN, SECRET, *secrets):
        at = said.find(word) if word else -1
        require(at < 0, f"its log lines have {word!r}: {said[max(at - 500, 0) : at + 2_500]}")


__all__ = [
    "CONFIG",
    "PATIENCE_S",
    "SECRET",
    "TOKEN",
    "Process",
    "clean",
    "command",
    "gone",
    "last_line",
    "log_in",
    "peak_mb",
    "port_of",
    "serving",
]
