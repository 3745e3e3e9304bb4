"""Logs by structlog: JSON for machines, or coloured lines for people; every line with what it is about.

- A line is written by a thread of its own from a bounded queue: a slow terminal or pipe never holds up a turn. Lines
  that found no room are counted, and said once there is room again.
- Secrets are masked on the way out: fields by their names, and our own keys and known secrets wherever they stand.
- What the standard library logs (uvicorn, asyncio) comes out the same way.
"""

from __future__ import annotations

import io
import logging
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import msgspec

from orderwright.service.observing.structured import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

LogFormat = Literal["console", "json"]
MOST_LINES = 10_000
PATIENCE = 3.0
"""Seconds that the last lines are given to get out."""
MASK = "***"
_SECRET_FIELD = re.compile(r"(secret|password|passphrase|authorization|signature|api_?key|token)", re.IGNORECASE)
_OWN_KEY = re.compile(r"\bow_[A-Za-z0-9_-]{8,}")


class LineWriter:
    """Writes lines to a stream on a thread of its own. `close` waits until what was taken is out."""

    def __init__(self, stream: BinaryIO, most: int = MOST_LINES) -> None:
        self._stream = stream
        self._lines: queue.Queue[bytes | None] = queue.Queue(most)
        self.dropped = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def msg(self, line: str | bytes) -> None:
        """Take a line, or count it where there is no room."""
        try:
            self._lines.put_nowait(line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace"))
        except queue.Full:
            self.dropped += 1

    log = debug = info = warning = error = critical = exception = msg

    def close(self) -> None:
        """Write what is left, and end the thread; give up where nobody reads."""
        self._ending.set()
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            pass  # the thread looks at `_ending` too
        self._thread.join(timeout=PATIENCE)

    def _run(self) -> None:
        while (line := self._next()) is not None:
            lines = [line]
            end = self._more(lines)
            if self.dropped:
                lines.append(b'{"event": "log lines were dropped", "count": %d}' % self.dropped)
                self.dropped = 0
            try:
                self._write(b"\n".join(lines) + b"\n")
            except (OSError, ValueError):
                self.dropped += len(lines)  # nobody reads any more: what trades goes on
            if end:
                return

    def _write(self, text: bytes) -> None:
        rest = memoryview(text)
        while rest:
            rest = rest[self._stream.write(rest) :]
        self._stream.flush()

    def _next(self) -> bytes | None:
        """The next line; None at the end."""
        if self._ending.is_set():
            try:
                return self._lines.get_nowait()
            except queue.Empty:
                return None
        return self._lines.get()

    def _more(self, lines: list[bytes]) -> bool:
        """Whatever else waits, in one write; whether the end has come."""
        while len(lines) < 1_000:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return False
            if line is None:
                return True
            lines.append(line)
        return False


class Masking:
    """Takes secrets out of what is logged. secrets: texts that must never be seen."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if name != "event" and _SECRET_FIELD.search(name) and value:
                event[name] = MASK
            elif isinstance(value, str):
                event[name] = self.mask(value)
        return event

    def mask(self, text: str) -> str:
        """The text without secrets."""
        if "ow_" in text:
            text = _OWN_KEY.sub(MASK, text)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


def set_up(
    log_format: LogFormat = "console",
    level: str = "INFO",
    *,
    stream: BinaryIO | None = None,
    secrets: Iterable[str] = (),
) -> Callable[[], None]:
    """Log from now on; what is called at the end, so that the last lines get out. stream: stderr unless given."""
    out = stream if stream is not None else _stderr()
    writer = LineWriter(out)
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Masking(secrets),
    ]
    last = _renderer(log_format, out)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[_named, *shared], processors=[_plain, last])
    )
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    root.setLevel(max(number, logging.INFO))
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def close() -> None:
        root.handlers = before
        writer.close()
        structlog.reset_defaults()

    return close


def _stderr() -> BinaryIO:
    """Without Python's buffer: a thread that is stuck in that one's lock ends the interpreter with a fault."""
    return io.FileIO(sys.stderr.fileno(), "w", closefd=False)


class _Handler(logging.Handler):
    """The standard library's records, by the same writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.msg(self.format(record))
        except Exception:  # noqa: BLE001  # logging never ends what it tells of; the library's own way to say so
            self.handleError(record)


def _named(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event


def _plain(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(None, "", event)


def _renderer(log_format: LogFormat, stream: BinaryIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    colours = hasattr(stream, "isatty") and stream.isatty()
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)


def _json(event: dict[str, Any], **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


__all__ = ["LineWriter", "LogFormat", "Masking", "set_up"]
