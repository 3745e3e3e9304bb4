"""`orderwright tradingview`: what to paste into TradingView, and tokens for the path of a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.config import ConfigFile
from orderwright.commands.options import AsJson

if TYPE_CHECKING:
    from orderwright.config.loading import Loaded

app = typer.Typer(no_args_is_help=True, help="Set up alerts of TradingView (docs/tradingview.md).")

Host = Annotated[str, typer.Option("--host", help="Where the service is reached from outside.")]
Name = Annotated[str, typer.Argument(help="The strategy's name, as it stands in the configuration.")]
ANYWHERE = "https://YOUR-HOST"


@app.command("message")
def message(
    name: Name,
    kind: Annotated[str, typer.Option("--kind", help="strategy, order, buy, sell or close.")] = "strategy",
    host: Host = ANYWHERE,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Print the message and the webhook URL of a strategy."""
    from orderwright.config.loading import load
    from orderwright.service.tradingview import templates
    from orderwright.service.tradingview.guard import problems_of, tokens_of

    loaded = load(config)
    configuration = loaded.configuration
    _check(name, loaded)
    has_token = name in tokens_of(configuration)
    required = configuration.tradingview.require
    in_body = "body" in required or (not has_token and configuration.tradingview.secret is not None)
    said = templates.message(kind, name, secret=in_body)
    url = f"{_reached(host)}{templates.WEBHOOK}" + ("/YOUR-TOKEN" if has_token else "")
    problems = problems_of(configuration)
    if json:
        _print({"strategy": name, "kind": kind, "url": url, "message": said, "problems": problems})
        return
    print(f"Webhook URL (Alert > Notifications):\n  {url}")
    if has_token:
        print("  YOUR-TOKEN is what `orderwright tradingview token` has shown for it; only its hash is kept.")
    print(f"\nMessage (Alert > Settings):\n{said}")
    for problem in problems:
        print(f"\n! {problem}")


@app.command("token")
def token(name: Name, host: Host = ANYWHERE, config: ConfigFile = None, json: AsJson = False) -> None:
    """Make a token for the webhook of a strategy that is configured. It is shown once: the configuration keeps its
    hash."""
    from orderwright.config.loading import load
    from orderwright.service.tradingview import templates
    from orderwright.service.tradingview.tokens import hash_of, new_token

    _check(name, load(config))
    made = new_token()
    url = f"{_reached(host)}{templates.WEBHOOK}/{made}"
    if json:
        _print({"strategy": name, "token": made, "token_hash": hash_of(made), "url": url})
        return
    print(f"The token of {name}. It is shown this once:\n  {made}\n\nWebhook URL:\n  {url}\n")
    print(f'Into the configuration goes its hash:\n\nstrategies:\n  {name}:\n    token_hash: "{hash_of(made)}"')


def _check(name: str, loaded: Loaded) -> None:
    """Raises UnknownName for a strategy that the configuration does not have."""
    from orderwright.errors import UnknownName

    strategies = loaded.configuration.strategies
    if name not in strategies:
        raise loaded.missed(UnknownName("strategy", name, strategies, field="strategies"))


def _reached(host: str) -> str:
    """Where the service is reached: over https, unless it is said."""
    address = host.strip().rstrip("/")
    return address if "://" in address else f"https://{address}"


def _print(record: dict[str, Any]) -> None:
    import msgspec

    print(msgspec.json.encode(record).decode())


__all__ = ["app"]
