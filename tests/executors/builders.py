"""An exchange of a user's own: a dozen lines of API, told what to answer."""

from __future__ import annotations

from typing import Any

from orderwright.core.model import OrderStatus
from orderwright.executors import ExternalAPI, Status, Trade, UserCreds, UserInfo
from orderwright.ports import Row


class AnAPI(ExternalAPI):
    """Answers each question with the next of `answers` (a Status, a dict, or an exception to raise), the last one again
    and again; notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def _next(self, what: str, order_id: str) -> Any:
        self.asked.append((what, order_id))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else Status(order_id=order_id, status=OrderStatus.OPEN)

    def submit_order(self, trade: Trade, creds: UserCreds) -> Status:
        return self._next("submit", trade.order_id)  # type: ignore[no-any-return]

    def get_status(self, trade: Trade, creds: UserCreds) -> Status:
        return self._next("status", trade.order_id)  # type: ignore[no-any-return]

    def cancel_order(self, trade: Trade, creds: UserCreds) -> Status:
        return self._next("cancel", trade.order_id)  # type: ignore[no-any-return]

    def get_all_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        return [self._next("all", creds.user_id)]

    def get_open_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        return [self._next("open", creds.user_id)]

    def pull_status(self, creds: UserCreds, order_id: str) -> dict[str, Any]:
        return self._next("pull", order_id)  # type: ignore[no-any-return]

    def balance_history(self, user: UserInfo, creds: UserCreds) -> list[Row]:
        return [{"asset": "USDT", "user": creds.user_id}]
