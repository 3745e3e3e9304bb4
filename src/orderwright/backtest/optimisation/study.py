"""A study: trials kept in a file or a database, so that a search can go on later, and several processes or machines can
share one.

- Where: a path ending in .journal, .log or .jsonl is Optuna's journal file (the quickest), any other path a SQLite
  file, and what has "://" in it any database URL that SQLAlchemy knows.
- A study belongs to one search. What it was made for (strategy and its code, space, constraint, data, rules,
  objectives, bars per year, method, seed) stands in it, and a search for anything else is refused with the name of what
  differs; functions are told apart by their code (code.py). The number of trials may differ: asked for more, a finished
  study goes on.
- A trial is one of Optuna's, its parameters and values where its own tools look for them.
- What is secret in a database URL (a password, and every option that is named like one) is never shown.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderwright.backtest.optimisation.code import named_code
from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.optimisation.space import PLAIN, Float, Int, Parameters, Space
from orderwright.backtest.optimisation.trials import Score, State
from orderwright.backtest.optimisation.windows import Market
from orderwright.errors import InputError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

MADE_FOR, SCORE = "orderwright:made_for", "orderwright:score"
JOURNALS = (".journal", ".log", ".jsonl")
_PASSWORD = re.compile(r"(?<=://)([^/:@]*):.*@")
_SECRET = re.compile(r"([\w.%+-]*(?:password|passwd|pwd|secret|token|key)[\w.%+-]*)=('[^']*'|[^&\s]*)", re.IGNORECASE)
_RACED = re.compile("exists|locked|duplicate", re.IGNORECASE)
_ENTRIES = {"space": re.compile(r", (?=\w+: )"), "rules": re.compile(r',(?=")|[{}]+(?: on )?')}
_TRIES, _PAUSE_S = 5, 0.2
Fingerprint = dict[str, str]


def masked(place: object) -> str:
    """A place, or what was said of it, as it may be shown: without the password of a database URL, and without the
    values of options whose names tell that they are secret."""
    return _SECRET.sub(r"\1=***", _PASSWORD.sub(r"\1:***@", str(place)))


def fingerprint(
    strategy: type,
    space: Space,
    objectives: Sequence[Objective],
    market: Market,
    rules: str,
    method: str,
    seed: int,
    *,
    constraint: object = None,
    bars_per_year: float | None = None,
) -> Fingerprint:
    """What a study is made for, in parts that can be named; the rules are any text that tells them apart."""
    return {
        "strategy": f"{strategy.__module__}.{strategy.__qualname__}",
        "strategy's code": _code(strategy),
        "space": ", ".join(f"{name}: {said}" for name, said in space.described().items()),
        "constraint": "none" if constraint is None else named_code(constraint),
        "objective": ", ".join(
            f"{one.direction} {named_code(one.function) if one.function else one.name}" for one in objectives
        ),
        "data": _digest(market),
        "rules": rules,
        "bars per year": repr(bars_per_year),
        "method": method,
        "seed": str(seed),
    }


def open_study(place: str | Path | None, name: str, made_for: Fingerprint, objectives: Sequence[Objective]) -> Study:
    """The study of that name at a place (None: in memory), made where it is not there.

    Raises InputError (field `study`) where the place cannot be used, or the study was made for another search.
    """
    import optuna

    directions: list[Any] = [one.direction for one in objectives]
    with _reported(place), silenced():
        study = _created(place, name, directions)
        there = study.user_attrs.get(MADE_FOR)
        if there is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(MADE_FOR, made_for)
            there = made_for
    assert isinstance(study, optuna.Study)
    _refuse_another(there, made_for, name, place)
    return study


def _created(place: str | Path | None, name: str, directions: list[Any]) -> Study:
    """Two processes may make the tables of one database at once; the later one finds them on its next try."""
    import optuna
    from sqlalchemy.exc import IntegrityError, OperationalError

    for left in reversed(range(_TRIES)):
        try:
            storage = _storage(place)
            there = {one.study_name: one for one in optuna.get_all_study_summaries(storage)}
            if name in there:  # its objectives may be others: then the fingerprint names what differs
                return optuna.load_study(study_name=name, storage=storage)
            return optuna.create_study(study_name=name, storage=storage, directions=directions)
        except (OperationalError, IntegrityError, optuna.exceptions.DuplicatedStudyError) as error:
            if not left or (isinstance(error, OperationalError) and not _RACED.search(str(error))):
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError("the last try returns or raises")


def _storage(place: str | Path | None) -> BaseStorage:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if place is None:
        return optuna.storages.InMemoryStorage()
    if "://" in str(place):
        return optuna.storages.RDBStorage(str(place))
    path = Path(place).absolute()
    if path.is_dir():
        message, nearest = "is a folder: name a file in it", path / "study.sqlite"
        raise InputError(message, field="study", value=str(place), nearest=nearest, where=str(path))
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {masked(path.parent)}", field="study", value=masked(place))
    if path.suffix in JOURNALS:
        return optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    return optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}})


@contextmanager
def _reported(place: object) -> Iterator[None]:
    """What Optuna and SQLAlchemy say of a place, in one line and without its password."""
    from optuna.exceptions import OptunaError, StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError, OptunaError, ImportError, OSError, ValueError) as error:
        said = masked(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise InputError(f"{masked(place)} cannot be used: {said}", field="study", value=masked(place)) from None


@contextmanager
def silenced() -> Iterator[None]:
    """Without Optuna's log lines and its notices of what is experimental."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _refuse_another(there: Mapping[str, str] | None, made_for: Fingerprint, name: str, place: object) -> None:
    if there is None:
        message = f"the study {name!r} at {masked(place)} was made by another program: give another name"
        raise InputError(message, field="study", value=masked(place))
    differs = [part for part, said in made_for.items() if there.get(part) != said]
    if differs:
        shown = "; ".join(_difference(part, there.get(part), made_for[part]) for part in differs)
        message = f"the study {name!r} at {masked(place)} was made for another search ({shown}): give another name"
        raise InputError(message, field="study", value=masked(place))


def _difference(part: str, there: str | None, here: str) -> str:
    """What differs, whole: of a space and of rules, which have entries, those entries alone."""
    if there is not None and part in _ENTRIES:
        old, new = (_ENTRIES[part].split(said) for said in (there, here))
        there, here = (", ".join(one for one in some if one not in other) for some, other in ((old, new), (new, old)))
    return f"{part}: {there or 'nothing'} there, {here or 'nothing'} here"


def _code(strategy: type) -> str:
    """A digest of the strategy's source, so that an edited strategy is another one; "" where the source is not to be
    had (a notebook's cell that is gone)."""
    try:
        source = inspect.getsource(strategy)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _digest(market: Market) -> str:
    """Symbols, number of bars, and a digest of times and prices: equal bars are equal data, wherever they came from."""
    digest = hashlib.sha256()
    for bars in market.bars:
        candles = bars.candles
        digest.update(repr((candles.symbol, candles.instrument, candles.interval)).encode())
        for column in (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume):
            digest.update(column.astype("<i8").tobytes())
    symbols = " ".join(bars.symbol for bars in market.bars)
    return f"{symbols}, {sum(map(len, market.bars)):,} bars, {digest.hexdigest()[:16]}"


# --- trials as Optuna keeps them ---


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Optuna's words for a space. A choice among values that no database could hold is one among their reprs."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made: dict[str, BaseDistribution] = {}
    for name, domain in space.domains.items():
        if isinstance(domain, Int):
            high = domain.high - (domain.high - domain.low) % domain.step
            made[name] = IntDistribution(domain.low, high, step=domain.step, log=domain.log)
        elif isinstance(domain, Float):
            top = space.values(name)[-1] if domain.step is not None else domain.high
            made[name] = FloatDistribution(domain.low, top, step=domain.step, log=domain.log)
        else:
            made[name] = CategoricalDistribution([_label(one) for one in domain.values])
    return made


def _label(value: Any) -> Any:
    return value if isinstance(value, PLAIN) else repr(value)


def labelled(space: Space, parameters: Parameters) -> Parameters:
    """Parameters as Optuna keeps them."""
    return {name: _label(parameters[name]) for name in space.domains}


def unlabelled(space: Space, kept: Mapping[str, Any]) -> Parameters:
    """Parameters as the strategy takes them."""
    found = {}
    for name, domain in space.domains.items():
        value = kept[name]
        if not isinstance(domain, Int | Float):
            value = next((one for one in domain.values if _label(one) == value), value)
        elif isinstance(domain, Float) and domain.step is not None:
            value = float(f"{value:.12g}")
        found[name] = value
    return found


def kept_score(trial: FrozenTrial) -> Score | None:
    """The score of a finished trial of ours; None for one that is not finished, or was added by hand."""
    kept = trial.user_attrs.get(SCORE)
    if not trial.state.is_finished() or kept is None:
        return None
    values = tuple(_number(one) for one in kept["values"])
    return Score(kept["state"], values, tuple(_number(one) for one in kept["figures"]), kept.get("reason", ""))


def already(study: Study) -> int:
    """How many trials of ours a study has."""
    return sum(kept_score(one) is not None for one in study.get_trials(deepcopy=False))


def score_to_keep(score: Score) -> dict[str, Any]:
    """JSON has no nan and no infinity: text stands for them."""
    state: State = score.state
    kept: dict[str, Any] = {"state": state, "values": [_plain(one) for one in score.values]}
    kept["figures"] = [_plain(one) for one in score.figures]
    return kept | ({"reason": score.reason} if score.reason else {})


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)


def _number(kept: float | str) -> float:
    return float(kept)
