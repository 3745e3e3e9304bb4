"""`make prove`: the service tested as strangers would, for long and under load, with a figure for each proof.

One JSON line each; ends with 1 if any of them fails. ONLY=name runs one; SECONDS=600 makes all of them about so long in
all (the default is about four minutes); SEED=2 draws another run. The suite runs a short part of the same
(test_short_proofs.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.prove import clocks, endings, hostile, soak, two

Proof = Callable[[Path, float, int], dict[str, Any]]
DEFAULT_S = 240.0


def _rounds(seconds: float, of_each: float) -> int:
    return max(2, round(seconds / of_each))


PROOFS: dict[str, tuple[float, Proof]] = {
    "kill-9": (0.25, lambda folder, s, seed: endings.killed(folder, rounds=_rounds(s, 6), seed=seed)),
    "sigterm": (0.1, lambda folder, s, seed: endings.terminated(folder, rounds=_rounds(s, 6), seed=seed)),
    "disk-full": (0.1, lambda folder, s, seed: endings.disk_full(folder, rounds=_rounds(s, 10), seed=seed)),
    "soak": (0.25, lambda folder, s, seed: soak.soaked(folder, seconds=s * 0.7, seed=seed, stall_s=min(s / 4, 20))),
    "two-services": (0.1, lambda folder, s, seed: two.taken_over(folder, rounds=_rounds(s, 8), seed=seed)),
    "clock": (0.1, lambda folder, s, seed: clocks.set_back(folder, starts=_rounds(s, 6), seconds=3, seed=seed)),
    "hostile": (0.1, lambda folder, s, seed: hostile.stood_against(folder, share=min(s / 60, 1.0), seed=seed)),
}
"""By name: its share of the time, and what is run."""


def main() -> int:
    asked = argparse.ArgumentParser(prog="make prove", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--only", choices=PROOFS, default=None)
    asked.add_argument("--seconds", type=float, default=DEFAULT_S)
    asked.add_argument("--seed", type=int, default=1)
    said = asked.parse_args()
    names = [said.only] if said.only else list(PROOFS)
    good = [_proved(name, said.seconds if said.only else said.seconds * PROOFS[name][0], said.seed) for name in names]
    return 0 if all(good) else 1


def _proved(name: str, seconds: float, seed: int) -> bool:
    """Run one and print its line; what failed is told in full on stderr."""
    began, figures = time.perf_counter(), dict[str, Any]()
    with tempfile.TemporaryDirectory(prefix="orderwright-prove-", ignore_cleanup_errors=True) as folder:
        try:
            figures = PROOFS[name][1](Path(folder), seconds, seed)
            failure = None
        except Exception as error:  # noqa: BLE001  # the others are run all the same
            traceback.print_exc()
            failure = str(error)[:1_000] or type(error).__name__
    line = {"proof": name, "ok": failure is None, "seed": seed, **figures, "seconds": time.perf_counter() - began}
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in line.items()}
    print(json.dumps(rounded | ({} if failure is None else {"failure": failure})), flush=True)  # noqa: T201
    return failure is None


if __name__ == "__main__":
    sys.exit(main())
