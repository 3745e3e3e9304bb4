"""The configuration, put together: defaults, then the file, then the environment; and where each value comes from.

    loaded = load(Path("config/local.yaml"))     # or CONFIG_PATH, or ./orderwright.yaml, or the defaults alone
    loaded.configuration.service.port
    loaded.origins["service.port"]               # "config/local.yaml, line 4"

- The variables of the seeds (MAX_ORDER_SIZE_USD, TRADINGVIEW_SECRET, DATABASE_URL ...) beat the file; a limit among
  them beats a book's own too. ORDERWRIGHT__SERVICE__PORT and its like name every key, and beat both. A variable that is
  empty counts as not set.
- The file of a strategy's class is looked for beside the configuration, then in the working folder.
- All that is wrong is told at once, as ConfigurationError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from pydantic import ValidationError

from orderwright.config import checking
from orderwright.config.problems import ConfigurationError, problems_of
from orderwright.config.reference import GENERIC, keys
from orderwright.config.schema import Configuration
from orderwright.config.yaml_file import At, Document, dotted, read_file, read_text
from orderwright.errors import InputError, nearest_name

PATH_VARIABLE = "CONFIG_PATH"
DEFAULT_FILE = Path("orderwright.yaml")
"""The file in the working folder that is read where none is named."""
NO_FILE = "no configuration file was read; name it with --config"
E = TypeVar("E", bound=InputError)
Option = tuple[At, Any, str]
"""(path, value, origin) of an option of the command line."""
OF_EXCHANGES: dict[str, At] = {
    "BINANCE_API_KEY": ("exchanges", "binance", "api_key"),
    "BINANCE_API_SECRET": ("exchanges", "binance", "api_secret"),
}


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration and where it comes from. path: the file, None for none. origins: of each key that is not a
    default, by its dotted path."""

    configuration: Configuration
    path: Path | None
    origins: dict[str, str]

    def origin(self, name: str) -> str:
        """Where a value comes from: a file's line, an environment variable, or `default`."""
        return self.origins.get(name, "default")

    def missed(self, error: E) -> E:
        """The error of something that is not configured, saying so where no file was read at all."""
        if self.path is None:
            error.message += f" ({NO_FILE})"
        return error


def load(
    path: Path | None = None, environment: Mapping[str, str] | None = None, options: Iterable[Option] = ()
) -> Loaded:
    """The configuration of a file (or CONFIG_PATH's, or ./orderwright.yaml, or none) and the environment, the process's
    own unless given; options beat both.

    Raises ConfigurationError with every problem. What only a later version brings is let through here.
    """
    given = os.environ if environment is None else environment
    from_variable = path is None and bool(given.get(PATH_VARIABLE))
    named = path or (Path(given[PATH_VARIABLE]) if from_variable else None)
    if named is None and DEFAULT_FILE.is_file():
        named = DEFAULT_FILE
    return assemble(_read(named, given, from_variable), named, given, options)


def load_to_start(
    path: Path | None = None, environment: Mapping[str, str] | None = None, options: Iterable[Option] = ()
) -> Loaded:
    """The same, for a service that is to run: what a later version brings is refused too."""
    loaded = load(path, environment, options)
    problems = placed(checking.unavailable(loaded.configuration), loaded.origins)
    if problems:
        raise ConfigurationError(problems)
    return loaded


def assemble(
    document: Document, path: Path | None, environment: Mapping[str, str], options: Iterable[Option] = ()
) -> Loaded:
    """The configuration of a file that was read, and an environment. Raises ConfigurationError."""
    tree = document.tree
    origins = {dotted(at): f"{document.name}, line {line}" for at, line in document.lines.items()}
    problems = list(document.problems)
    variables = [*_seeds(environment, tree), *_generic(environment, problems)]
    given = [(at, value, f"environment variable {name}") for at, value, name in variables]
    for at, value, origin in [*given, *options]:
        if _put(tree, at, value):
            origins[dotted(at)] = origin
            document.filled.pop(at, None)
    if path is not None:
        _find_classes(tree, path.parent)
    try:
        configuration = Configuration(**tree)
    except ValidationError as error:
        missing = {problem.field for problem in problems}
        found = [one for one in problems_of(error, document.filled) if one.field not in missing]
        raise ConfigurationError([*problems, *placed(found, origins)]) from None
    problems += placed(checking.problems(configuration), origins)
    if problems:
        raise ConfigurationError(problems)
    return Loaded(configuration=configuration, path=path, origins=origins)


def placed(problems: list[InputError], origins: Mapping[str, str]) -> list[InputError]:
    """The same problems, each saying where its key stands."""
    for problem in problems:
        name = problem.field or ""
        while name and name not in origins:
            name = name.rpartition(".")[0]
        if name:
            problem.at(origins[name])
    return problems


def _read(path: Path | None, environment: Mapping[str, str], from_variable: bool) -> Document:
    if path is None:
        return read_text("", "", environment)
    try:
        return read_file(path, environment)
    except InputError as error:
        raise error.at(PATH_VARIABLE) if from_variable else error from None


def _seeds(environment: Mapping[str, str], tree: dict[str, Any]) -> list[tuple[At, str, str]]:
    """(path, value, variable) of the seeds' variables that are set; a limit's for the books that have it too."""
    names: dict[str, At] = {key.env: key.path for key in keys() if key.env} | OF_EXCHANGES
    found = []
    books = tree.get("books")
    for name, at in names.items():
        value = environment.get(name, "").strip()
        if not value:
            continue
        found.append((at, value, name))
        if at[0] == "account_limits" and isinstance(books, dict):
            found += [
                (("books", book, "limits", at[1]), value, name)
                for book, own in books.items()
                if isinstance(own, dict) and isinstance(own.get("limits"), dict) and at[1] in own["limits"]
            ]
    return found


def _find_classes(tree: dict[str, Any], folder: Path) -> None:
    """file.py:Class of each strategy: the file beside the configuration, unless it is in the working folder alone."""
    strategies = tree.get("strategies")
    for its in strategies.values() if isinstance(strategies, dict) else ():
        written = its.get("class") if isinstance(its, dict) else None
        place, colon, name = written.rpartition(":") if isinstance(written, str) else ("", "", "")
        if place.endswith(".py") and ((folder / place).is_file() or not Path(place).is_file()):
            its["class"] = f"{folder / place}{colon}{name}"


def _generic(environment: Mapping[str, str], problems: list[InputError]) -> list[tuple[At, Any, str]]:
    """(path, value, variable) of the variables that name a key themselves; a section that is none is a problem."""
    wanted = {name: value for name, value in environment.items() if name.upper().startswith(GENERIC) and value.strip()}
    known = list(Configuration.model_fields)
    for name in wanted:
        first = name[len(GENERIC) :].lower().split("__")[0]
        if first not in known:
            where = f"environment variable {name}"
            problems.append(
                InputError("unknown key", field=first, value=first, nearest=nearest_name(first, known), where=where)
            )
    if not wanted:
        return []
    from orderwright.config.variables import tree_of

    return [(at, value, _variable(at, wanted)) for at, value in _leaves(tree_of(wanted), ())]


def _variable(at: At, wanted: Mapping[str, str]) -> str:
    """Which variable a value came in: the longest that names the path."""
    path = [str(part).lower() for part in at]
    fitting = [name for name in wanted if path[: len(_path(name))] == _path(name)]
    return max(fitting, key=len, default=GENERIC + "__".join(path).upper())


def _path(name: str) -> list[str]:
    return name[len(GENERIC) :].lower().split("__")


def _leaves(value: Any, at: At) -> list[tuple[At, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for name, under in value.items() for leaf in _leaves(under, (*at, name))]
    return [(at, value)] if at else []


def _put(tree: dict[str, Any], at: At, value: Any) -> bool:
    """Put a value into the tree; False where something else than a section is in its way, which is told then."""
    here: Any = tree
    for part in at[:-1]:
        if here.get(part) is None:
            here[part] = {}
        here = here[part]
        if not isinstance(here, dict):
            return False
    here[at[-1]] = value
    return True


__all__ = ["DEFAULT_FILE", "NO_FILE", "PATH_VARIABLE", "Loaded", "assemble", "load", "load_to_start", "placed"]
