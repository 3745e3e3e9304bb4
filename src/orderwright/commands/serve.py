"""`orderwright serve`: the live service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderwright.commands.config import ConfigFile

if TYPE_CHECKING:
    from orderwright.bootstrap.serve import Started
    from orderwright.config.loading import Loaded

app = typer.Typer()


@app.command("serve")
def serve(
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="The port; 0 takes a free one. [default: 8004]")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="The log: a SQLite file. [default: ./data/orderwright.sqlite]")
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the log over from another process, which can write no more.")
    ] = False,
) -> None:
    """Run the order engine as a service: REST, WebSocket and webhooks, on paper unless configured otherwise."""
    from orderwright.bootstrap.serve import serve as run
    from orderwright.config.mapping import log_place

    loaded = loaded_for(config, host, port, log)
    run(loaded.configuration, take_over=take_over, told=lambda started: _tell(started, loaded.path))
    kept = log_place(loaded.configuration).log
    print(f"Orderwright has stopped; {'what was committed is in the log' if kept else 'its log was in memory'}")


def loaded_for(
    config: Path | None, host: str | None = None, port: int | None = None, log: Path | None = None
) -> Loaded:
    """The configuration, where options of the command line beat file and environment."""
    import os

    from orderwright.config.loading import load_to_start

    given = {
        "--host": (("service", "host"), host),
        "--port": (("service", "port"), port),
        "--log": (("database", "url"), None if log is None else url_of(log)),
    }
    environment = {name: value for name, value in os.environ.items() if log is None or not _names_the_log(name)}
    options = [(at, value, f"option {name}") for name, (at, value) in given.items() if value is not None]
    return load_to_start(config, environment, options)


def url_of(log: Path) -> str:
    """A log's path as a URL."""
    from urllib.parse import quote

    return f"sqlite:///{quote(str(log))}"


def _names_the_log(name: str) -> bool:
    return name.upper().startswith("ORDERWRIGHT__DATABASE__")


def _tell(started: Started, file: Path | None) -> None:
    """On the terminal: where it is, and how to come in."""
    for warning in started.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    log, configuration = started.log or "in memory", file or "no file; name it with --config"
    print(
        f"Orderwright listens on {started.address} (log: {log}; configuration: {configuration}); what it takes: /docs"
    )
    if started.key is not None:
        whose = "of the user operator, scope admin, shown this once (kept only as a hash)"
        print(f"\nThe first key, {whose}:\n\n    {started.key.text}\n")
        print(f'Try it: curl -H "Authorization: Bearer {started.key.text}" {started.address}/api/me')
    elif started.needs_key:
        print('A request needs a key: -H "Authorization: Bearer ow_..." (an admin key issues others: POST /api/keys)')
    else:
        print(f"No key is needed (service.auth is off). Try it: curl {started.address}/api/me")
    sys.stdout.flush()
