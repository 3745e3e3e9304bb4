"""One connection over the stream, from its first word to its last.

    who is it?      the Authorization header, or a first message {"op": "auth"}; never the address
    hello           its books and where they are
    then            three things at a time: what comes in is read and answered in its order, what waits is sent, and
                    every HEARTBEAT the reader is told how far it has got

The key is looked at again at each word in, before events are handed on, at each HEARTBEAT, and when a key is revoked.

It ends when the other side goes, when it is cut (too slow, too much nonsense, a key that was revoked), or with the
service. A close has a code, 44xx for HTTP's 4xx, and a reason that says up to where events were sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from orderwright.errors import InputError, UnknownName
from orderwright.service.parts import Principal, Problem, Service
from orderwright.service.problems import problem_of
from orderwright.service.stream import words as w
from orderwright.service.stream.entry import OrderEntry, Routes, encoded
from orderwright.service.stream.following import Following
from orderwright.service.stream.outgoing import Outgoing
from orderwright.service.stream.pages import Pages
from orderwright.service.stream.tails import Tails
from orderwright.service.views import iso

_DECODER: msgspec.json.Decoder[w.Said] = msgspec.json.Decoder(w.Said)


class Admits(Protocol):
    """Who may come in."""

    def admit(self, key: str, socket: WebSocket) -> Principal:
        """Whose key it is ("" for none). Raises Problem."""

    def spend(self, principal: Principal) -> None:
        """Count an order message. Raises Problem (429) for one too many."""

    def still(self, principal: Principal) -> bool:
        """Whether the key is still good: not revoked, not expired."""

    def books_of(self, principal: Principal) -> list[str]:
        """The books it sees."""


class Cut(Exception):
    """The connection is to be closed, by us."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Connection:
    """See the head of this file."""

    def __init__(
        self, socket: WebSocket, service: Service, admits: Admits, routes: Routes, tails: Tails, pages: Pages
    ) -> None:
        self._socket, self._service, self._admits = socket, service, admits
        self._routes, self._tails, self._pages = routes, tails, pages
        self._out = Outgoing(socket)
        self._following: dict[str, Following] = {}
        self._principal: Principal | None = None
        self._wrong: Problem | None = None
        self._entry: OrderEntry | None = None
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._faults, self._ops, self._since = 0, 0, 0.0

    async def run(self, counted: Callable[[Principal], None]) -> None:
        """Serve it until it ends. counted: is told who it is, and raises Problem where there are too many."""
        await self._socket.accept()
        try:
            self._principal = await self._who()
            counted(self._principal)
            who = self._principal
            self._entry = OrderEntry(
                self._service, who, self._routes, self._socket, self._tell, lambda: self._admits.spend(who)
            )
            self._tell(self._hello())
            await self._serve()
        except Problem as problem:
            await self._refuse(problem)
        except Cut as cut:
            await self._close(cut.code, cut.reason)
        except TimeoutError:
            await self._close(w.TOO_SLOW, "you read too slowly")
        except WebSocketDisconnect:
            pass
        finally:
            self._end()

    def _end(self) -> None:
        for following in self._following.values():
            following.end()
        self._following.clear()
        if self._entry is not None:
            self._entry.end()
        self._cut.cancel()

    # Who is it?

    def known(self) -> bool:
        """Whether its key came with it (or none is needed), and is good. What is wrong with it, `run` tells."""
        try:
            self._principal = self._known()
        except Problem as problem:
            self._wrong = problem
        return self._principal is not None

    def _known(self) -> Principal | None:
        """By its headers; None where the key is to come in the first message. Raises Problem."""
        given = self._socket.headers.get("authorization", "")
        if not given and (key := self._socket.headers.get("x-api-key", "").strip()):
            return self._admits.admit(key, self._socket)
        if given:
            scheme, _, key = given.partition(" ")
            if scheme.lower() != "bearer":
                raise Problem(401, "no_key", "the Authorization header is `Bearer KEY`", field="Authorization")
            return self._admits.admit(key.strip(), self._socket)
        with contextlib.suppress(Problem):
            return self._admits.admit("", self._socket)
        return None

    async def _who(self) -> Principal:
        if self._wrong is not None:
            raise self._wrong
        if self._principal is not None:
            return self._principal
        try:
            async with asyncio.timeout(w.AUTH_TIMEOUT):
                said = self._read(await self._receive())
        except TimeoutError:
            raise Problem(401, "no_key", "no key came: send an Authorization header, or an auth message") from None
        except InputError as error:
            raise problem_of(error) from None
        if not isinstance(said, w.Auth):
            raise Problem(401, "no_key", 'the first message is {"op": "auth", "key": ...}', field="op")
        return self._admits.admit(said.key, self._socket)

    def _hello(self) -> w.Hello:
        who = self._who_it_is
        reached = self._service.desk.reached
        books = {book: reached.get(book, 0) for book in self._admits.books_of(who)}
        return w.Hello(user=who.user, scope=who.scope, books=books, time=self._now())

    @property
    def _who_it_is(self) -> Principal:
        assert self._principal is not None
        return self._principal

    def look(self) -> bool:
        """Whether the key is still good; where it is not, nothing more is told and the connection is cut."""
        if self._principal is None or self._admits.still(self._principal):
            return True
        self._cut_off(w.NO_KEY, "the key is no longer good")
        return False

    # Serving

    async def _serve(self) -> None:
        """Until one of the four ends; what it raised."""
        running = [
            asyncio.create_task(self._listen(), name="stream: listen"),
            asyncio.create_task(self._out.run(), name="stream: send"),
            asyncio.create_task(self._beat(), name="stream: beat"),
        ]
        try:
            await asyncio.wait([*running, self._cut], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in running:
                task.cancel()
            ended = await asyncio.gather(*running, return_exceptions=True)
        if self._cut.done():
            self._cut.result()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    async def _listen(self) -> None:
        while True:
            text = await self._receive()
            try:
                said = self._read(text)
                await self._take(said)
            except (Problem, InputError) as error:
                await self._fault(problem_of(error), text)

    async def _receive(self) -> str:
        got = await self._socket.receive()
        if got["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(got.get("code", 1006))
        text: str | None = got.get("text")
        if text is None:
            raise Cut(w.BINARY, "frames are text")
        if len(text) > w.MAX_FRAME:
            raise Cut(w.TOO_LARGE, f"a frame has at most {w.MAX_FRAME} bytes")
        return text

    def _read(self, text: str) -> w.Said:
        """A message. Raises InputError."""
        try:
            return _DECODER.decode(text)
        except msgspec.ValidationError as error:
            raise _explained(text, error) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"not valid JSON: {error}", field="message") from None

    async def _take(self, said: w.Said) -> None:
        if not self.look():
            return
        if isinstance(said, w.Entry):
            assert self._entry is not None
            await self._entry.take(said)
            return
        await self._paced()
        match said:
            case w.Subscribe():
                self._subscribe(said)
            case w.Unsubscribe():
                self._unsubscribe(said)
            case w.Ping():
                self._tell(w.Pong(time=self._now(), id=w.known_id(said.id)))
            case w.Auth():
                raise Problem(409, "has_key", "this connection has its key already", field="op")

    async def _paced(self) -> None:
        """So many a second: those that come faster are read later."""
        now = asyncio.get_running_loop().time()
        if now - self._since >= 1.0:
            self._since, self._ops = now, 0
        self._ops += 1
        if self._ops > w.OPS_PER_SECOND:
            await asyncio.sleep(max(0.0, self._since + 1.0 - now))

    async def _fault(self, problem: Problem, text: str) -> None:
        self._faults += 1
        if self._faults > w.MAX_FAULTS:
            raise Cut(w.BAD_MESSAGES, "too many messages made no sense")
        self._tell(w.Wrong(problem=w.told(problem), id=w.known_id(_id_in(text))))
        await self._paced()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(w.HEARTBEAT)
            if not self.look():
                return
            books = {book: following.at for book, following in self._following.items()}
            self._tell(w.At(books=books, time=self._now()))

    # Subscriptions

    def _subscribe(self, said: w.Subscribe) -> None:
        """All of it or, where one word of it is wrong, nothing."""
        who, reached = self._who_it_is, self._service.desk.reached
        own = self._admits.books_of(who)
        asked = dict.fromkeys(own) if said.books is None else said.books
        wanted = _wanted(said.kinds)
        begins: dict[str, int] = {}
        for book, after in asked.items():
            if book not in own:
                raise UnknownName("book", book, own, field="books")
            newest = reached.get(book, 0)
            if after is not None and not 0 <= after <= newest:
                message = f"book {book!r} has rows 1 to {newest}"
                raise InputError(message, field=f"books.{book}", value=after, nearest=newest)
            begins[book] = newest if after is None else after
        self._tell(w.Subscribed(books=begins, id=w.known_id(said.id)))
        for book, after in begins.items():
            if book in self._following:
                self._following.pop(book).end()
            self._following[book] = Following(
                book, after, wanted, self._out, self._tails, self._pages, self._cut_off, self.look
            )

    def _unsubscribe(self, said: w.Unsubscribe) -> None:
        for book in list(self._following) if said.books is None else said.books:
            if book not in self._following:
                raise UnknownName("subscription", book, self._following, field="books")
        for book in list(self._following) if said.books is None else said.books:
            if book in self._following:
                self._following.pop(book).end()
        books = {book: following.at for book, following in self._following.items()}
        self._tell(w.Subscribed(books=books, id=w.known_id(said.id)))

    # Words out, and the end

    def _tell(self, said: w.Out) -> None:
        if not self._out.put(encoded(said)):
            self._cut_off(w.TOO_SLOW, "you read too slowly")

    def _cut_off(self, code: int, reason: str) -> None:
        if not self._cut.done():
            self._cut.set_exception(Cut(code, reason))

    def _now(self) -> str:
        return iso(self._service.loop.clock.now())

    async def _refuse(self, problem: Problem) -> None:
        code = w.TOO_MANY if problem.status == 429 else w.NO_KEY
        said = w.Wrong(problem=w.told(problem))
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_text(encoded(said))
        await self._close(code, problem.detail)

    async def _close(self, code: int, reason: str) -> None:
        """Close it with a reason; one that takes nothing more is dropped."""
        if self._out.sent:
            last = ", ".join(f"{book}={sequence}" for book, sequence in self._out.sent.items())
            reason = f"{reason}; sent up to {last}"
        await close(self._socket, code, reason)


async def close(socket: WebSocket, code: int, reason: str, patience: float = 1.0) -> None:
    """Close a connection; after `patience` seconds without being able to say so, drop it."""
    said = reason.encode()[:120].decode(errors="ignore")
    try:
        async with asyncio.timeout(patience):
            await socket.close(code, said)
    except TimeoutError:
        drop = socket.scope.get("extensions", {}).get("orderwright.drop")
        if drop is not None:
            drop["drop"]()
    except (WebSocketDisconnect, RuntimeError):
        pass


def _wanted(kinds: list[str] | None) -> frozenset[str] | None:
    if kinds is None:
        return None
    for word in kinds:
        if word not in w.GROUPS and word not in w.KINDS:
            raise UnknownName("kind of event", word, [*w.GROUPS, *sorted(w.KINDS)], field="kinds")
    return frozenset(kinds)


def _explained(text: str, error: msgspec.ValidationError) -> InputError:
    """What is wrong with a message, by field."""
    given = _plain(text)
    if not isinstance(given, dict):
        return InputError(
            'a message is an object such as {"op": "subscribe"}', field="message", value=type(given).__name__
        )
    if given.get("op") not in w.OPS:
        return UnknownName("op", str(given.get("op")), w.OPS, field="op")
    said, _, path = str(error).partition(" - at `$")
    if "`" in said:
        field = said.split("`")[1] if "field" in said else path.strip(".`")
        return InputError(said.lower(), field=field or "message")
    return InputError(said.lower(), field=path.strip(".`") or "message")


def _id_in(text: str) -> str | int | None:
    """The client's id in a message that may make no sense."""
    given = _plain(text)
    found = given.get("id") if isinstance(given, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _plain(text: str) -> Any:
    """What stands in a message, whatever it is; None where that cannot be read."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
