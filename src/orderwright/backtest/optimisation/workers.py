"""Other processes for the trials. Each is a fresh interpreter (spawned: a fork of a program with threads may hang), and
all of them read the same bars from one file that is mapped into memory, so that a process costs what Python costs.

Whatever the number of processes, results come back in the order in which they were asked for. What a strategy prints
there goes to stderr, and what it raises comes back with its words, if not as itself.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from orderwright.errors import InputError, OrderwrightError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_ALIGNED = 64

_job: Callable[[Any], Any]


class Crew(Generic[Asked, Answer]):
    """Some processes, or none: then the caller's own does the work."""

    def __init__(self, job: Callable[[Asked], Answer], pool: ProcessPoolExecutor | None, size: int) -> None:
        self._job, self._pool, self.size = job, pool, size
        self._begun = False

    def start(self, asked: Asked) -> Callable[[], Answer]:
        """Begin on something; call what comes back to have the answer. Alone, the work is done in that call."""
        if self._pool is None:
            return lambda: self._job(asked)
        try:
            return self._answered(self._pool.submit(_work, asked))
        except BrokenProcessPool:
            raise self._gone() from None

    def over(self, questions: Iterable[Asked]) -> Iterator[Answer]:
        """The answers, in the order of the questions; at most two of them wait for each process."""
        waiting: deque[Callable[[], Answer]] = deque()
        for asked in questions:
            waiting.append(self.start(asked))
            if len(waiting) >= 2 * self.size or self._pool is None:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()

    def _answered(self, future: Future[Answer]) -> Callable[[], Answer]:
        def answer() -> Answer:
            try:
                found = future.result()
            except BrokenProcessPool:
                raise self._gone() from None
            self._begun = True
            return found

        return answer

    def _gone(self) -> OrderwrightError:
        if self._begun:
            return OrderwrightError("another process ended in the middle of its work, killed or out of memory")
        message = (
            "the other processes ended before they could give an answer: killed, out of memory, or started by a script "
            'that does not keep its own work under if __name__ == "__main__":'
        )
        return InputError(message, field="n_jobs", nearest=1)


@contextmanager
def crew(job: Callable[[Asked], Answer], count: int) -> Iterator[Crew[Asked, Answer]]:
    """So many processes for a job. Raises InputError (field `n_jobs`) for one that other processes cannot be given."""
    if count == 1:
        yield Crew(job, None, 1)
        return
    with tempfile.TemporaryDirectory(prefix="orderwright-optimise-") as folder:
        path = Path(folder) / "job"
        _write(job, path)
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_open, initargs=(str(path),))
        try:
            yield Crew(job, pool, count)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _write(job: Callable[[Any], Any], path: Path) -> None:
    """The pickled job, then its arrays as they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        body = pickle.dumps(job, protocol=5, buffer_callback=buffers.append)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        message = f"other processes cannot be given this ({error}): define strategy and functions in a module"
        raise InputError(message, field="n_jobs", nearest=1) from None
    raw = [buffer.raw() for buffer in buffers]
    with path.open("wb") as file:
        pickle.dump((body, [len(one) for one in raw]), file)
        for one in raw:
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            file.write(one)


def _read(path: Path) -> Callable[[Any], Any]:
    """The job again; its arrays are views of the file, and a process that writes to one has a copy of the page."""
    with path.open("rb") as file:
        body, sizes = pickle.load(file)
        at = file.tell()
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)) if sizes else memoryview(b"")
    parts = []
    for size in sizes:
        at += -at % _ALIGNED
        parts.append(view[at : at + size])
        at += size
    job: Callable[[Any], Any] = pickle.loads(body, buffers=parts)
    return job


def _open(path: str) -> None:
    global _job  # noqa: PLW0603 - a process of the pool has one job
    os.dup2(2, 1)  # stdout is the user's answer (JSON, say), and this process has no part in it
    sys.stdout = sys.stderr
    try:
        _job = _read(Path(path))
    except Exception as error:  # noqa: BLE001 - an initializer that raises ends the pool without a word
        _job = _raising(_sendable(error))


def _raising(error: Exception) -> Callable[[Any], Any]:
    def job(_: Any) -> Any:
        raise error

    return job


def _work(asked: Any) -> Any:
    try:
        return _job(asked)
    except Exception as error:
        raise _sendable(error) from error


def _sendable(error: Exception) -> Exception:
    """The error, or where it does not survive being sent (one made of other arguments than its message), its words."""
    try:
        if str(pickle.loads(pickle.dumps(error))) == str(error):
            return error
    except Exception:  # noqa: BLE001, S110 - whatever a constructor raises
        pass
    if isinstance(error, InputError):
        return InputError(error.message, field=error.field, nearest=error.nearest, where=error.where)
    said = str(error) if isinstance(error, OrderwrightError) else f"{type(error).__name__}: {error}"
    return OrderwrightError(said)
