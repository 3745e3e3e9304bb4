"""Requests to a running service, for a broker over it: sent again where that is safe, and plain about what is known.

- What is sent is safe to repeat: a question, an order under its idempotency key, a cancel. Where no answer came, the
  same is sent again, a few times; what is raised in the end (`ServiceLost`) says whether it may have been done.
- What the service finds wrong with what it was told is a `ServiceProblem`, an InputError with the field, the value and
  the nearest that would pass. A key that is not let in, and a busy service, are `ServiceRefused`: nothing was done.
- Once an attempt was lost that may have arrived, a refusal of a later one says nothing of it: that is `ServiceLost`
  too, unless it names the order that there is.
- The key goes into a header, and never into an error, a repr or an address.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from orderwright.errors import InputError, ServiceError, ServiceLost, ServiceRefused

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class ServiceProblem(InputError):
    """What the service found wrong. code: its word for it; said: the whole problem document."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.code, self.said = str(said.get("code", "")), said
        super().__init__(
            str(said.get("detail", "refused")),
            field=said.get("field"),
            value=said.get("value"),
            nearest=said.get("nearest"),
        )


class ServiceClient:
    """url: of the service, such as http://127.0.0.1:8004. key: an API key; "" where the service asks for none. timeout:
    seconds that an answer may take. transport, pause: for tests. Raises InputError for a URL that is none."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        parts = urlsplit(str(url))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            message = "is not the address of a service, such as http://127.0.0.1:8004"
            raise InputError(message, field="url", value=_plain(url), nearest="http://127.0.0.1:8004")
        if not key.isascii() or not key.isprintable():
            raise InputError("is no API key", field="key")
        self.url = url.rstrip("/")
        self._pause, self._httpx = pause, httpx
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=timeout,
            transport=transport,
            trust_env=parts.hostname not in _LOCAL,
        )

    def __repr__(self) -> str:
        return f"<ServiceClient {self.url}>"

    def get(self, path: str, **query: object) -> Any:
        """A question. Raises ServiceProblem, ServiceRefused, ServiceLost."""
        params = {name: str(value) for name, value in query.items() if value is not None}
        return self._send("GET", path, params, b"")

    def post(self, path: str, body: object) -> Any:
        """The same with a body; what is posted here is safe to repeat."""
        return self._send("POST", path, {}, msgspec.json.encode(body))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _send(self, method: str, path: str, params: dict[str, str], content: bytes) -> Any:
        """Send it until there is an answer."""
        may_exist, why, wait = False, "", FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(wait)
                wait = min(2 * wait, LONGEST_PAUSE)
            try:
                answer = self._client.request(method, path, params=params, content=content)
            except (self._httpx.ConnectError, self._httpx.ConnectTimeout, self._httpx.PoolTimeout) as error:
                why = f"it cannot be reached: {str(error) or type(error).__name__}"
                continue
            except self._httpx.TransportError as error:
                may_exist, why = True, f"no answer came: {str(error) or type(error).__name__}"
                continue
            if answer.status_code == 503 or answer.status_code == 429:
                said = _problem(answer.content)
                may_exist = may_exist or said.get("code") not in ("busy", "too_many", "not_ready")
                why = f"it is busy: {said.get('detail', '')}"
                wait = max(wait, min(_seconds(answer.headers.get("retry-after")), LONGEST_PAUSE))
                continue
            try:
                return self._read(answer.status_code, answer.content)
            except ServiceError as error:
                if not may_exist or _is_question(method, path):
                    raise
                why = str(error).removeprefix(f"{self.url}: ").removeprefix(f"{self.url} ")
            except ServiceProblem as problem:
                if not may_exist or _is_question(method, path) or "order" in problem.said:
                    raise
                why = str(problem)
            break
        if why.startswith("it is busy") and not may_exist:
            raise ServiceRefused(f"{self.url}: {why}", 503)
        raise ServiceLost(f"{self.url}: {why}{_outcome(method, path, may_exist)}", may_exist=may_exist)

    def _read(self, status: int, content: bytes) -> Any:
        if 200 <= status < 300:
            try:
                return msgspec.json.decode(content)
            except msgspec.DecodeError as error:
                raise ServiceError(f"{self.url} is no Orderwright service: its answer is not JSON") from error
        said = _problem(content)
        detail = str(said.get("detail", f"status {status}"))
        if status in (401, 403) and said.get("code") != "not_yours":
            raise ServiceRefused(f"{self.url}: {detail}", status)
        if status >= 500:
            raise ServiceLost(f"{self.url}: a fault of the service: {detail}", may_exist=True)
        if not said:
            raise ServiceError(f"{self.url} is no Orderwright service: status {status} and no problem document")
        raise ServiceProblem(said)


def _problem(content: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) and "code" in said else {}


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdecimal() else 0.0


def _outcome(method: str, path: str, may_exist: bool) -> str:
    if _is_question(method, path):
        return ""
    return "; it may have been done: asking again is safe" if may_exist else "; nothing was done"


def _is_question(method: str, path: str) -> bool:
    """Whether it changes nothing."""
    return method == "GET" or path.startswith("/api/log/")


def _plain(url: object) -> str:
    """An address without what may be secret in it."""
    return str(url).rpartition("@")[2].partition("?")[0]


__all__ = ["ServiceClient", "ServiceProblem"]
