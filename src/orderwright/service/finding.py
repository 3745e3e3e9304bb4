"""Whose, and which order: what the door (door.py) and every question find books and orders by.

Who names no user and no book gets their own. Naming another's is refused (403); another's order is not there (404). A
key that sees every book may name any user; in environment local an unknown one is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.core.ids import is_order_id
from orderwright.core.model import Account, Order
from orderwright.errors import UnknownName
from orderwright.live.book import snapshot
from orderwright.service.parts import Principal, Problem
from orderwright.service.views import OrderDetail, OrderView, detail_of, view_of

if TYPE_CHECKING:
    from orderwright.live.loop import LiveLoop
    from orderwright.service.books import Books

MOST_DIGITS = 18
SYSTEM = "system"
MOST_PLACES = 10_000
Place = tuple[str, str, str, str, str]


class Finding:
    """loop: of the desk whose books are looked into."""

    def __init__(self, loop: LiveLoop, books: Books) -> None:
        self.loop, self.desk, self.books = loop, loop.desk, books
        self._places: dict[Place, tuple[Account, str, int]] = {}

    def place_of(self, book: str, user: str, exchange: str, account: str, symbol: str) -> tuple[Account, str]:
        """(account, symbol) that the words of an order mean. Looked up once, and again when the book has another
        account. Raises InputError."""
        asked = (book, user, exchange, account, symbol)
        known, accounts = self._places.get(asked), self.desk.books[book].state.accounts
        if known is not None and known[2] == len(accounts) and accounts.get(known[0].account) is known[0]:
            return known[0], known[1]
        found = self.books.account_of(book, user, exchange, account)
        listed = self.books.symbol_of(symbol, book, found.exchange)
        if len(self._places) >= MOST_PLACES:
            self._places.clear()
        self._places[asked] = (found, listed, len(accounts))
        return found, listed

    async def find(self, principal: Principal, order_id: str) -> tuple[str, Order]:
        """(book, the order as it stands, durable), by its id or its number. Raises Problem (404) where there is none
        that they may see."""
        book, order_id = self.locate(principal, order_id)
        engine = self.desk.books[book].engine

        def look() -> Order | None:
            found = engine.order(order_id)
            return None if found is None else snapshot(found)

        order = await self.loop.read(look)
        if order is None:
            raise _unknown_order(order_id)
        return book, order

    def locate(self, principal: Principal, order_id: str) -> tuple[str, str]:
        """(book, order id) of an order id or number. Raises Problem (404) where there is none that they may see."""
        if order_id.isascii() and order_id.isdigit() and len(order_id) <= MOST_DIGITS:
            place = self.desk.journal.order_place(int(order_id))
            if place is None or not principal.sees(place[0]) or place[0] not in self.desk.books:
                raise _unknown_order(order_id)
            return place[0], place[1]
        if not is_order_id(order_id):
            raise _unknown_order(order_id)
        books = self.desk.books
        seen = [name for name in (books if principal.books is None else principal.books) if name in books]
        for name in seen:
            if books[name].state.find(order_id) is not None:
                return name, order_id
        for name in seen:
            if self.desk.journal.order_key(name, order_id) is not None:
                return name, order_id
        raise _unknown_order(order_id)

    def view_of(self, book: str, order: Order, *, repeated: bool = False) -> OrderView:
        """An order as people see it."""
        key = self.desk.journal.order_key(book, order.instruction.order_id)
        return view_of(order, key=key, book=book, exchange=self._exchange_of(book, order), repeated=repeated)

    def detail_of(self, book: str, order: Order) -> OrderDetail:
        """An order with all that was asked for."""
        key = self.desk.journal.order_key(book, order.instruction.order_id)
        return detail_of(order, key=key, book=book, exchange=self._exchange_of(book, order))

    def named_book(self, principal: Principal, user: str, book: str) -> str | None:
        """The book that a question names, or that of the user it names; None for neither. Raises Problem."""
        if not user and not book:
            return None
        user, found = self.whose(principal, user, book)
        return found or self._seen(principal, self.books.default_book(user))

    def _exchange_of(self, book: str, order: Order) -> str:
        account = self.desk.books[book].state.accounts.get(order.instruction.account)
        return "" if account is None else account.exchange

    def whose(self, principal: Principal, user: str, book: str) -> tuple[str, str]:
        """(user, book) as named, or the caller's; no book where the user's own is meant. Raises Problem."""
        if user and user != principal.user and principal.books is not None:
            raise Problem(403, "not_yours", "another user's", field="user_id", value=user, nearest=principal.user)
        if not book:
            return user or principal.user, ""
        self._seen(principal, book)
        if book not in self.desk.books or book == SYSTEM:
            raise UnknownName("book", book, set(self.desk.books) - {SYSTEM}, field="book")
        return user or (self.books.owner_of(book) if principal.books is None else principal.user), book

    async def book_of(self, principal: Principal, user: str) -> str:
        """The book of a user's orders that name none; made for it, where that may be. Raises Problem (403) for one
        that the caller does not see."""
        try:
            book = self.books.default_book(user)
        except UnknownName:
            return await self.books.ensure_user(user)
        return self._seen(principal, book)

    def _seen(self, principal: Principal, book: str) -> str:
        """A book that the caller sees. Raises Problem (403)."""
        if principal.sees(book):
            return book
        nearest = min(principal.books) if principal.books else None
        raise Problem(403, "not_yours", "another user's book", field="book", value=book, nearest=nearest)

    def copy_of(self, book: str, order_id: str) -> Order | None:
        """A copy of an order in memory, as it stands now."""
        found = self.desk.books[book].state.find(order_id)
        return None if found is None else snapshot(found)


def _unknown_order(order_id: str) -> Problem:
    return Problem(404, "unknown_order", "no such order", field="order_id", value=order_id)


__all__ = ["MOST_DIGITS", "SYSTEM", "Finding"]
