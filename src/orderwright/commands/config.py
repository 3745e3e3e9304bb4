"""`orderwright config`: is the configuration good, and what is it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.options import AsJson
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.config.loading import Loaded
    from orderwright.config.production import Point

app = typer.Typer(no_args_is_help=True, help="Check and show the configuration of the service.")

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="The YAML file. [default: CONFIG_PATH's, or ./orderwright.yaml, or none]"),
]


@app.command("check")
def config_check(
    config: ConfigFile = None,
    production: Annotated[bool, typer.Option("--production", help="Go through the production checklist too.")] = False,
    json: AsJson = False,
) -> None:
    """Tell everything that is wrong, or that it is good and what it comes to."""
    from orderwright.bootstrap.trial import trial_problems
    from orderwright.config import checking
    from orderwright.config.loading import load, placed
    from orderwright.config.problems import ConfigurationError

    loaded: Loaded | None = None
    try:
        loaded = load(config)
        problems = checking.unavailable(loaded.configuration) or trial_problems(loaded.configuration)
        problems = placed(problems, loaded.origins)
    except ConfigurationError as error:
        problems = error.problems
    except InputError as error:
        problems = [error]
    points = _checklist(loaded) if production and loaded is not None else []
    if json:
        _print_json(loaded, problems, points)
    else:
        _show(config, loaded, problems)
        _show_points(points)
    if problems:
        raise SystemExit(2)
    if any(not point.done for point in points):
        raise SystemExit(1)


@app.command("show")
def config_show(
    config: ConfigFile = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not a default.")] = False,
    json: AsJson = False,
) -> None:
    """Every key with its value and where that comes from; secrets are masked."""
    from orderwright.config.loading import load
    from orderwright.config.showing import values_of
    from orderwright.screen import print_json, table

    values = [one for one in values_of(load(config)) if one.is_changed or not changed]
    if json:
        print_json({one.name: {"value": one.value, "origin": one.origin} for one in values})
        return
    rows = [(one.name, one.value, one.origin) for one in values]
    table("the configuration in force", ("key", "value", "from"), rows, "everything is a default")


@app.command("init")
def config_init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("orderwright.yaml"),
) -> None:
    """Write a file with every key and its default, each explained; a file that is there is left alone."""
    from orderwright.config.loading import DEFAULT_FILE
    from orderwright.config.showing import commented_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(commented_file())
    except FileExistsError:
        raise InputError("is there already, and left as it is", value=str(path), where=str(path)) from None
    named = "" if path == DEFAULT_FILE else f" --config {path}"
    print(f"{path}: every key and its default, commented out. Start with it: orderwright serve{named}")


def _checklist(loaded: Loaded) -> list[Point]:
    from orderwright.config.production import checklist

    return checklist(loaded.configuration)


def _show(config: Path | None, loaded: Loaded | None, problems: list[InputError]) -> None:
    from orderwright.config.loading import NO_FILE
    from orderwright.screen import console, counted, table

    screen = console()
    named = str((loaded.path if loaded is not None else config) or f"{NO_FILE}. Defaults and environment")
    if problems:
        screen.print(f"{named}: {counted(len(problems), 'problem')}", style="bold red")
        for problem in problems:
            screen.print(f"  {problem}", soft_wrap=True)
        return
    assert loaded is not None
    summary, warnings = _notes(loaded)
    screen.print(f"{named}: good", style="bold green")
    table("what it comes to", ("", ""), list(summary.items()), "")
    for warning in warnings:
        screen.print(f"note: {warning}", style="yellow", soft_wrap=True)


def _notes(loaded: Loaded) -> tuple[dict[str, str], list[str]]:
    """(what the configuration comes to, what should be known, what is weak in the webhook too)."""
    from orderwright.config.mapping import webhook_layers
    from orderwright.config.showing import summary_of
    from orderwright.service.tradingview.guard import problems_of

    summary, warnings = summary_of(loaded.configuration)
    weak = problems_of(loaded.configuration) if webhook_layers(loaded.configuration) else []
    return summary, warnings + weak


def _show_points(points: list[Point]) -> None:
    from orderwright.screen import console

    if not points:
        return
    screen, done = console(), sum(point.done for point in points)
    screen.print(f"\nproduction checklist: {done} of {len(points)} done", style="bold")
    for point in points:
        screen.print(f"[{'x' if point.done else ' '}] {point.point}", style="green" if point.done else "red")
        screen.print(f"    {point.why}")
        if point.how:
            screen.print(f"    -> {point.how}")


def _print_json(loaded: Loaded | None, problems: list[InputError], points: list[Point]) -> None:
    from orderwright.screen import print_json

    told: dict[str, Any] = {"good": not problems, "problems": [_as_json(problem) for problem in problems]}
    if loaded is not None:
        told["summary"], told["warnings"] = _notes(loaded)
    if points:
        told["production"] = points
    print_json(told)


def _as_json(problem: InputError) -> dict[str, Any]:
    texts = {
        "field": problem.field,
        "message": problem.message,
        "value": problem.value,
        "nearest": problem.nearest,
        "where": problem.where,
    }
    return {name: None if text is None else str(text) for name, text in texts.items()}
