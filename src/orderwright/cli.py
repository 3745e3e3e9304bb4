"""The command line: `orderwright run` drives signals through the order engine, the others read a log.

Errors go to stderr in one line. Exit code 2 is the user's input, 1 is ours (a log that is damaged, locked or full).
"""

from __future__ import annotations

import sys

import typer

from orderwright.commands import (
    backtest,
    config,
    execution,
    log,
    market,
    mirror,
    optimize,
    portfolio,
    questions,
    serve,
    trading,
    tradingview,
    users,
)
from orderwright.errors import OrderwrightError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the rich one costs 0.2 s of imports
    help="The order layer for algorithmic traders.",
)
for group in (trading.app, backtest.app, optimize.app, market.app, questions.app, portfolio.app, execution.app):
    app.registered_commands += group.registered_commands
app.registered_commands += serve.app.registered_commands
app.add_typer(config.app, name="config")
app.add_typer(users.users, name="users")
app.add_typer(users.keys, name="keys")
app.add_typer(tradingview.app, name="tradingview")
app.add_typer(mirror.app, name="mirror")
app.add_typer(log.app, name="log")


def main() -> None:
    """The entry point: runs a command and turns errors into a line and an exit code."""
    try:
        app(prog_name="orderwright")
    except OrderwrightError as error:
        print(f"orderwright: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("orderwright: stopped; what was committed is in the log", file=sys.stderr)
        raise SystemExit(130) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"orderwright: {place}{error.strerror or error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
