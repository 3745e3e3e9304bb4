"""`orderwright log`: verify, rebuild, back up and restore a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderwright.commands.options import AsJson, Log, existing

app = typer.Typer(no_args_is_help=True, help="Verify, seal, rebuild, back up and restore a log.")


@app.command("verify")
def log_verify(
    log: Log,
    head: Annotated[str | None, typer.Option(help="A head kept elsewhere: as `log head` prints it.")] = None,
    json: AsJson = False,
) -> None:
    """Find any changed, missing, reordered or cut-off row, and prove the read models by a replay."""
    from orderwright.journal.maintenance import verify
    from orderwright.screen import show_verification

    found = verify(existing(log), head=head)
    show_verification(found, as_json=json)
    if not found.ok:
        raise SystemExit(1)


@app.command("head")
def log_head(log: Log, json: AsJson = False) -> None:
    """Print each book's head: kept elsewhere, it shows a tail that was cut off."""
    from orderwright.journal.maintenance import head
    from orderwright.screen import show_head

    show_head(head(existing(log)), as_json=json)


@app.command("rebuild")
def log_rebuild(log: Log) -> None:
    """Make the read models again from the log."""
    from orderwright.journal.maintenance import rebuild

    print(f"{log}: read models rebuilt from {rebuild(existing(log)):,} rows")


@app.command("backup")
def log_backup(target: Annotated[Path, typer.Argument(help="The copy to write.")], log: Log) -> None:
    """Copy a log that is in use, and verify the copy."""
    from orderwright.bootstrap import check_place
    from orderwright.journal.maintenance import backup

    check_place(target, "target")
    copied = backup(existing(log), target)
    print(f"{target}: a verified copy of {log}, {copied.rows:,} rows")


@app.command("restore")
def log_restore(
    backup: Annotated[Path, typer.Argument(help="A copy made by `log backup`.")],
    log: Log,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Put it in the place of a log that is there.")] = False,
) -> None:
    """Verify a backup and put it in a log's place."""
    from orderwright.bootstrap import check_place
    from orderwright.journal.maintenance import restore

    check_place(log, "log")
    copied = restore(existing(backup), log, overwrite=overwrite)
    print(f"{log}: restored from {backup}, {copied.rows:,} rows")


@app.command("seal")
def log_seal(folder: Annotated[Path, typer.Argument(help="Where the sealed months are kept.")], log: Log) -> None:
    """Write each month that is over to a Parquet file, with its first and last digest."""
    from orderwright.bootstrap import check_parent, opened
    from orderwright.mirror import seal

    check_parent(folder, "folder")
    with opened(existing(log), read_only=True) as journal:
        months = seal(journal, folder)
    for month in months:
        print(f"{folder}: {month.book} {month.month}, rows {month.first:,} to {month.last:,}, {month.last_digest}")
    if not months:
        print(f"{folder}: no month is over that was not sealed before")


@app.command("verify-sealed")
def log_verify_sealed(
    folder: Annotated[Path, typer.Argument(help="Where the sealed months are kept.")], json: AsJson = False
) -> None:
    """Read every sealed row again: each follows from the one before it, and each month from the one before."""
    from orderwright.mirror import verify_sealed
    from orderwright.screen import show_verification

    found = verify_sealed(folder)
    show_verification(found, as_json=json, sealed=True)
    if not found.ok:
        raise SystemExit(1)
