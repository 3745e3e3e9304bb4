"""The last part of `make demo`: the service, an alert that comes twice, a kill -9, and what is there afterwards.

It starts `orderwright serve` on 127.0.0.1 in a folder of its own and talks to it as TradingView and a trader would.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SECRET = "a-secret-of-the-demo"
ALERT = {"ticker": "BTCUSDT", "action": "buy", "quantity": "0.01", "strategy": "trend", "alert_id": "2026-01-05 10:00"}
CONFIG = """\
users:
  ada: {}
strategies:
  trend: {user: ada}
"""


def main() -> int:
    """Show it, in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="orderwright-service-") as folder:
        return show(Path(folder))


def show(folder: Path) -> int:
    """0 where the second alert changed nothing and the order outlived the process."""
    config = folder / "demo.yaml"
    config.write_text(CONFIG)
    port = free_port()
    print("\nThe same engine as a service, on paper:")
    service, key = start(folder, config, port, "Try it")
    try:
        print("\nAn alert as TradingView sends it, and the same alert again:")
        first = alert(port)
        second = alert(port)
        print(f"\nThe service is killed (kill -9) and started again:\n$ kill -9 {service.pid}")
        service.send_signal(signal.SIGKILL)
        service.wait()
        service, _ = start(folder, config, port)
        print("\nThe orders:")
        listed = ask(port, "GET", "/api/orders/list?user_id=ada", key=key)
        for order in listed["orders"]:
            words = ("client_order_id", "symbol", "side", "quantity", "status", "average_fill_price")
            print("  " + "  ".join(str(order[word]) for word in words))
    finally:
        service.terminate()
        service.wait()
    if not (second["duplicate"] and second["order_id"] == first["order_id"] and len(listed["orders"]) == 1):
        print("An alert that came twice became two orders, or none: that must not happen.")
        return 1
    print("\nTwo deliveries, one order, and nothing that was answered is lost.")
    return 0


def start(folder: Path, config: Path, port: int, last_word: str = "listens") -> tuple[subprocess.Popen[bytes], str]:
    """The service, ready, and the key it has printed (only the first start prints one)."""
    words = ["serve", "--config", str(config), "--port", str(port)]
    print(f"\n$ TRADINGVIEW_SECRET=... orderwright {shlex.join(words)}", flush=True)
    said = folder / "said.txt"
    with said.open("wb") as out:
        service = subprocess.Popen(
            [sys.executable, "-m", "orderwright.cli", *words],
            cwd=folder,
            env=os.environ | {"TRADINGVIEW_SECRET": SECRET},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 30
    while last_word not in said.read_text():
        if service.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(said.read_text())
        time.sleep(0.05)
    for line in said.read_text().splitlines():
        if "listens" in line:
            print(line)
    found = re.search(r"ow_[\w-]+", said.read_text())
    return service, found[0] if found else ""


def alert(port: int) -> dict[str, Any]:
    """Send the alert; what it was answered."""
    body = ALERT | {"secret": SECRET}
    print(
        f"\n$ curl -X POST http://127.0.0.1:{port}/api/tradingview/webhook -d '{json.dumps(ALERT | {'secret': '...'})}'"
    )
    said = ask(port, "POST", "/api/tradingview/webhook", body)
    words = ("verdict", "duplicate", "order_id")
    print("  " + ", ".join(f"{word}: {said[word]}" for word in words))
    return said


def ask(port: int, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> dict[str, Any]:
    """One request over HTTP. Raises OSError where nobody answers, or where the answer is an error."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
