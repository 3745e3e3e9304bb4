"""The same work on other libraries, beside ours: one case of ../shared/peers/cases.txt, run on one core, now.

PEERS_HOME names the folder that ../shared/peers/install.sh filled. Without it, or where a case does not run, there is
no figure and the line says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import emit

SHARED = Path(os.environ.get("ORDERWRIGHT_SHARED") or Path(__file__).resolve().parents[2] / "shared")
"""Where the peers' scripts and their seeded data are."""
PATIENCE_S = 600


def peer(case: str) -> dict[str, Any] | None:
    """What a case printed (run_s, rss_mb, ...) and `wall_s`, the whole process; None without the peers."""
    home = os.environ.get("PEERS_HOME")
    if not home:
        return None
    words = next((line.split() for line in _cases() if line.split()[:1] == [case]), None)
    if words is None:
        raise SystemExit(f"{SHARED / 'peers' / 'cases.txt'} has no case {case}")
    _, environment, script, *arguments = words
    variables = dict(os.environ)
    if "COLDCACHE" in case:
        variables["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()
    command = [f"{home}/venv-{environment}/bin/python", str(SHARED / "peers" / script), *arguments]
    began = time.perf_counter()
    try:
        ran = subprocess.run(
            ["taskset", "-c", "0", *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=SHARED / "peers",
            env=variables,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    wall = time.perf_counter() - began
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        return None
    found: dict[str, Any] = json.loads(lines[-1])
    return {**found, "wall_s": wall}


def emit_peer(bench: str, case: str, key: str, unit: str) -> None:
    """Print a peer's figure (`key` of what it says) as a line of this bench."""
    found = peer(case)
    value = None if found is None else found.get(key)
    if value is None:
        print(json.dumps({"bench": bench, "key": f"peer {case}", "value": None, "note": _why()}), flush=True)
        return
    emit(bench, f"peer {case}", float(value), unit, version=(found or {}).get("version"))


def shared_module(name: str) -> Any:
    """A module of the peers' scripts (`common`, with its seeded data), loaded from where it is."""
    import importlib.util

    place = SHARED / "peers" / f"{name}.py"
    found = importlib.util.spec_from_file_location(f"peers_{name}", place)
    if found is None or found.loader is None or not place.is_file():
        raise SystemExit(f"no shared test material at {SHARED}: set ORDERWRIGHT_SHARED to its folder")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _cases() -> list[str]:
    return (SHARED / "peers" / "cases.txt").read_text().splitlines()


def _why() -> str:
    return "the peer did not run" if os.environ.get("PEERS_HOME") else "PEERS_HOME is not set: no figure of the peer"
