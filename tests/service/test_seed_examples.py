"""The seeds' own curl lines and REST examples, run as they stand against config/local.yaml (port 8000 or 8004 read as
the port of the test)."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.service.shell import PATIENCE_S, Process, a_process

_FENCE = re.compile(r"```bash\n(.*?)```", re.DOTALL)
_REQUEST = re.compile(r"^(GET|POST) (/api/\S+)\n(?:(X-\S+): (\S+)\n)?\s*(\{.*?^\})?", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    text = (ROOT / "config" / "local.yaml").read_text()
    with a_process(tmp_path_factory.mktemp("local"), config=text) as process:
        yield process


@pytest.fixture(scope="module")
def blocks(shared: Path) -> list[str]:
    seeds = [path.read_text() for path in sorted((shared / "seeds").glob("00*.txt"))]
    return [block for text in seeds for block in _FENCE.findall(text)]


def test_the_curl_lines_of_the_seeds_place_an_order(local: Process, blocks: list[str]) -> None:
    lines = [block[block.index("curl ") :] for block in blocks if "curl " in block]
    assert lines
    for line in lines:
        words = shlex.split(line.replace("\\\n", " "), comments=True)
        here = [re.sub(r"http://localhost:80(00|04)", local.address, word) for word in words]
        assert here != words
        done = subprocess.run(
            [here[0], "--silent", "--write-out", "\n%{http_code}", *here[1:]],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        order = json.loads(body)
        assert (status, order["symbol"], order["quantity"], order["user_id"]) == (
            "201",
            "BTC/USDT",
            "0.001",
            "test_user",
        )


def requests_of(blocks: list[str]) -> list[tuple[str, str, dict[str, Any] | None]]:
    """(method, path, body) of each request that a seed writes down."""
    found = []
    for block in blocks:
        for method, path, _, _, body in _REQUEST.findall(block):
            found.append((method, path, json.loads(body) if body else None))
    return found


def test_the_requests_of_seed_004_are_answered_in_their_order(local: Process, blocks: list[str]) -> None:
    asked = requests_of(blocks)
    paths = [path for _, path, _ in asked]
    assert "/api/orders/create" in paths
    assert "/api/orders/{order_id}/cancel" in paths
    order_id = ""
    with local.client("") as client:
        for method, path, body in asked:
            if path.startswith("/api/tradingview"):
                continue  # tests/service/tradingview
            answer = client.request(method, path.format(order_id=order_id), json=body)
            order_id = order_id or after(client, answer)
            assert answer.status_code in (200, 201, 409), (method, path, answer.text)
            if answer.status_code == 409:
                assert path.endswith("/cancel"), answer.text
                assert "filled" in answer.json()["detail"]


def after(client: httpx.Client, answer: httpx.Response) -> str:
    """The id of the first order, once it has filled: the exchange is 100 ms away."""
    order_id = str(answer.json()["client_order_id"])
    for _ in range(1_000):
        if client.get(f"/api/orders/{order_id}").json()["status"] == "filled":
            break
    return order_id
