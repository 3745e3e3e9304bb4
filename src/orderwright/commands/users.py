"""`orderwright users` and `orderwright keys`: who may use the service, and with which keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderwright.commands.config import ConfigFile
from orderwright.commands.options import AsJson

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from orderwright.bootstrap.people import People

users = typer.Typer(no_args_is_help=True, help="List and add the users of the service.")
keys = typer.Typer(
    no_args_is_help=True, help="List, issue and revoke API keys. A key is shown once, when it is issued."
)

LogFile = Annotated[Path | None, typer.Option("--log", help="The log: a SQLite file. [default: the configuration's]")]
UserName = Annotated[str, typer.Argument(help="Whose name: letters, digits, '.', '_', '@' and '-'.")]


@users.command("list")
def users_list(config: ConfigFile = None, log: LogFile = None, json: AsJson = False) -> None:
    """Who there is, with their books."""
    from orderwright.screen import print_json, table

    with _people(config, log) as known:
        found = known.users()
    if json:
        print_json([{"user": one.user, "books": one.books, "keys": one.keys} for one in found])
        return
    rows = [(one.user, ", ".join(one.books) or _without_books(one.user), str(one.keys)) for one in found]
    table("users", ("user", "books", "keys"), rows, "there are none yet")


@users.command("add")
def users_add(user: UserName, config: ConfigFile = None, log: LogFile = None) -> None:
    """Add somebody; their book and paper account are made at the next start."""
    with _people(config, log, "POST /api/users") as known:
        is_new = known.add_user(user)
    print(f"{user}: added; their book is made at the next start" if is_new else f"{user}: is known already")


@keys.command("list")
def keys_list(config: ConfigFile = None, log: LogFile = None, json: AsJson = False) -> None:
    """Every key: its public id, never the key itself."""
    import time

    import msgspec

    from orderwright.screen import print_json, table
    from orderwright.service.people import view_of

    with _people(config, log) as known:
        views = [view_of(key, revoked_at, time.time_ns() // 1_000) for key, revoked_at in known.all_keys()]
    if json:
        print_json(msgspec.to_builtins(views))
        return
    rows = [(one.key_id, one.user, one.scope, one.status, one.expires_at or "", one.label) for one in views]
    table("keys", ("key id", "user", "scope", "status", "expires", "label"), rows, "there are none yet")


@keys.command("issue")
def keys_issue(
    user: UserName,
    scope: Annotated[str, typer.Option("--scope", help="read, trade or admin.")] = "trade",
    expires_in: Annotated[str | None, typer.Option("--expires-in", help="Such as 90d; without it, never.")] = None,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    config: ConfigFile = None,
    log: LogFile = None,
) -> None:
    """Issue a key and print it, this once."""
    from orderwright.service.people import lifetime_of

    with _people(config, log, "POST /api/keys") as known:
        made = known.issue(user, scope, label=label, lifetime_us=lifetime_of(expires_in))
    print(f"{made.text}\n\nof {user}, scope {scope}; shown this once, and kept only as a hash. Send it in a header:")
    print(f'  -H "Authorization: Bearer {made.text}"')


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's public id, as `keys list` shows it.")],
    config: ConfigFile = None,
    log: LogFile = None,
) -> None:
    """Let a key in no more."""
    with _people(config, log, f"POST /api/keys/{key_id[:10]}/revoke") as known:
        was_good = known.revoke(key_id)
    print(f"{key_id}: {'revoked' if was_good else 'was revoked before'}")


def _without_books(user: str) -> str:
    from orderwright.config.owning import OPERATOR

    return "(sees every book)" if user == OPERATOR else "(made at the next start)"


def _people(config: Path | None, log: Path | None, to_write: str = "") -> AbstractContextManager[People]:
    from orderwright.bootstrap.people import people
    from orderwright.commands.serve import loaded_for
    from orderwright.config.mapping import log_place

    configuration = loaded_for(config, log=log).configuration
    place = log_place(configuration)
    if to_write:
        place.prepare()
    return people(place.log, to_write=to_write, ceilings={name: its.scope for name, its in configuration.users.items()})
