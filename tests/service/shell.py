"""The whole service behind its edge: in one process with a client on it, or as the command that people start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from orderwright.bootstrap.serve import assembled
from orderwright.config.mapping import LogPlace
from orderwright.config.schema import Configuration
from orderwright.service.app import App
from orderwright.service.parts import Service

PATIENCE_S = 30.0
PROGRAM = (sys.executable, "-m", "orderwright")
_ADDRESS = re.compile(r"listens on (http://\S+)")
_KEY = re.compile(r"^\s+(ow_\S+)$", re.MULTILINE)


class Shell:
    """client: sends no key of itself."""

    def __init__(self, service: Service, app: App, client: httpx.AsyncClient) -> None:
        self.service, self.app, self.client = service, app, client

    async def key(self, user: str, scope: str = "trade", **words: Any) -> str:
        """A new key of a user, who is made."""
        await self.service.keys.add_user(user)
        return (await self.service.keys.issue(user, scope, **words)).text

    async def ask(self, method: str, path: str, key: str = "", **words: Any) -> httpx.Response:
        """One request, with a key."""
        headers = {**({"X-API-Key": key} if key else {}), **words.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **words)


@asynccontextmanager
async def a_shell(*, log: Path | None = None, **sections: Any) -> AsyncIterator[Shell]:
    """A service that takes requests until the block ends. sections: of the configuration."""
    sections["order_params"] = {"log_level": "critical", **sections.get("order_params", {})}
    configuration = Configuration.model_validate(sections)
    with assembled(configuration, LogPlace(log)) as service:
        app = App(service)
        running = asyncio.create_task(service.loop.run())
        try:
            await service.loop.started()
            service.ready = True
            transport = httpx.ASGITransport(app=app.asgi, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8004") as client:
                yield Shell(service, app, client)
        finally:
            service.loop.stop()
            await running
            app.close()


class Process:
    """`orderwright serve`, started. address, key: as it has told them; key is "" where it told none."""

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], folder: Path, program: Sequence[str] = PROGRAM
    ) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORDERWRIGHT", "CONFIG_"))}
        self.folder, self._lines = folder, queue.Queue[str | None]()
        self.errors = (folder / f"errors-{id(self):x}.txt").open("w+b")
        self.process = subprocess.Popen(
            [*program, "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=folder,
            env={**clean, "PYTHONUNBUFFERED": "1", **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.said = ""

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_until_it_listens(self) -> Process:
        """Until it has told its address and, on a first start, its key. Raises where it ends before."""
        while "Try it" not in self.said and "A request needs a key" not in self.said:
            line = self._lines.get(timeout=PATIENCE_S)
            if line is None:
                raise AssertionError(f"it ended with {self.process.wait()}: {self.said}{self.told_errors()}")
            self.said += line
        return self

    @property
    def address(self) -> str:
        found = _ADDRESS.search(self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def key(self) -> str:
        found = _KEY.search(self.said)
        return found[1] if found is not None else ""

    def client(self, key: str | None = None) -> httpx.Client:
        """A client of it, with a key: its first one unless given."""
        given = self.key if key is None else key
        return httpx.Client(base_url=self.address, headers={"X-API-Key": given} if given else {}, timeout=PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def last_words(self) -> str:
        """The last line that it has written to stdout, once it has ended."""
        lines = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            lines.append(line)
        return lines[-1].strip() if lines else ""

    def kill(self) -> None:
        """SIGKILL: it ends at once, wherever it is."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def told_errors(self) -> str:
        """What it has written to stderr."""
        self.errors.seek(0)
        return self.errors.read().decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.errors.close()


@contextlib.contextmanager
def a_process(
    folder: Path, *arguments: str, config: str = "", program: Sequence[str] = PROGRAM, **environment: str
) -> Iterator[Process]:
    """`orderwright serve` in a folder, on a free port, until the block ends. config: the text of its file. program:
    what is run as `orderwright`."""
    given = ["--port", "0", *arguments]
    if config:
        (folder / "service.yaml").write_text(config)
        given += ["--config", "service.yaml"]
    process = Process(given, environment, folder, program)
    try:
        yield process.wait_until_it_listens()
    finally:
        process.close()
