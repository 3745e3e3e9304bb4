"""Which rules hold for an order that lingers, and when each is due. What is then done is in `lingering`.

- A rule of the settings is for resting limit orders, unless it names other `order_types`: a protective stop is meant to
  wait. An order's own rules are for it whatever it is.
- Rules add up. Of two with one name the one that fits the order more closely holds: the order's own, then by order,
  strategy, symbol, account; where they fit alike, the later one. `do: keep` so takes an order out of a rule.
- A rule acts on an order that the exchange has and of which nothing is on its way. `nearer` counts its time from when
  the order went out or from its own last turn, so that it comes again, `times` times; `cancel` and `market` count from
  when the order went out.
- The market has moved by so many basis points of where its middle was when the order went out or was last moved, either
  way.
- A rule that was due and could do nothing counts again from there; the others do not mind.
- Of rules due together cancel goes before market, market before nearer.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.ids import is_order_id
from orderwright.core.model import DAY, MAX_REQUESTS, MINUTE, RECANCEL, Instruction, LingerRule, Order, Settings, Signal
from orderwright.core.model import OrderStatus as S
from orderwright.core.numbers import fits, text
from orderwright.core.reasons import Reason, Refusal

BPS = Decimal(10_000)
_STRONGEST_FIRST = {"cancel": 0, "market": 1, "nearer": 2}
_RESTING = frozenset({S.OPEN, S.PARTIALLY_FILLED})
_DEEDS = (*_STRONGEST_FIRST, "keep")
_TRIGGERS = ("after_ms", "moved_bps", "on_reversal", "day_end")


def rules_of(settings: Settings, order: Instruction) -> list[LingerRule]:
    """The rules that hold for an order, the strongest first."""
    if not settings.linger and not order.linger:
        return []
    chosen: dict[str, tuple[int, LingerRule]] = {}
    for rule in settings.linger:
        closeness = _closeness(rule, order)
        if closeness is not None and (rule.name not in chosen or closeness >= chosen[rule.name][0]):
            chosen[rule.name] = (closeness, rule)
    rules = {name: rule for name, (_, rule) in chosen.items()} | {rule.name: rule for rule in order.linger}
    acting = (rule for rule in rules.values() if rule.do in _STRONGEST_FIRST)
    return sorted(acting, key=lambda rule: _STRONGEST_FIRST[rule.do])


def _closeness(rule: LingerRule, order: Instruction) -> int | None:
    """How closely a rule of the settings fits an order; None where it does not."""
    if order.type not in rule.order_types or is_order_id(order.group):  # an exit is meant to wait
        return None
    closeness = 0
    for weight, wanted, own in (
        (8, rule.order_id, order.order_id),
        (4, rule.strategy, order.strategy),
        (2, rule.symbol, order.symbol),
        (1, rule.account, order.account),
    ):
        if wanted:
            if wanted != own:
                return None
            closeness += weight
    return closeness


def may_act(order: Order) -> bool:
    """Whether the order rests at the exchange and nothing is on its way; the last request is kept for a cancel of the
    user's."""
    return (
        order.status in _RESTING
        and order.ending is None
        and order.cancel_wanted is None
        and len(order.requests) < MAX_REQUESTS - 1
        and not any(request.in_flight for request in order.requests)
    )


def due_at(rule: LingerRule, order: Order) -> int | None:
    """When a rule of time is due for an order, in microseconds; None where it is none, or has done what it may."""
    since = order.submitted_at
    if since is None:
        return None
    if rule.do == "nearer":
        turns = (request.sign_at for request in order.requests if request.rule == rule.name)
        since = max(since, *turns, order.lingered.get(rule.name, (since, None))[0])
    if rule.after_ms is not None:
        time = since + 1_000 * rule.after_ms
    elif rule.day_end:
        time = end_of_day(rule.day_end, since)
    else:
        return None
    return again_at(rule, order, time)


def again_at(rule: LingerRule, order: Order, time: int) -> int | None:
    """When a rule that is due at `time` may act: what was refused is not asked for again at once; a nearer price only
    so often."""
    asked = [request.sign_at for request in order.requests if request.rule == rule.name]
    if rule.do == "nearer":
        return time if len(asked) < rule.times else None
    return max(time, asked[-1] + RECANCEL) if asked else time


def end_of_day(clock: str, after: int) -> int:
    """The first moment after `after` at which it is `clock` (HH:MM, UTC; 24:00 is midnight)."""
    hours, minutes = clock.split(":")
    time = after // DAY * DAY + (60 * int(hours) + int(minutes)) * MINUTE
    return time if time > after else time + DAY


def first_due(settings: Settings, order: Order) -> int | None:
    """When a rule of time is next due for an order, in microseconds."""
    if not may_act(order):
        return None
    times = (due_at(rule, order) for rule in rules_of(settings, order.instruction))
    return min((time for time in times if time is not None), default=None)


def has_moved(rule: LingerRule, order: Order, mid: Decimal) -> bool:
    """Whether the market is as far as the rule says from where it was."""
    before = order.reference
    time, lingered = order.lingered.get(rule.name, (0, None))
    if lingered is not None and time >= max((it.sign_at for it in order.requests if it.kind == "replace"), default=0):
        before = lingered
    return rule.moved_bps is not None and before is not None and abs(mid - before) * BPS >= rule.moved_bps * before


def watches_price(settings: Settings, order: Instruction) -> bool:
    """Whether a rule of this order looks at the price."""
    return any(rule.moved_bps is not None for rule in rules_of(settings, order))


def reversal_rule(settings: Settings, order: Instruction) -> LingerRule | None:
    """The rule by which this order goes when its strategy's signal turns."""
    return next((rule for rule in rules_of(settings, order) if rule.on_reversal), None)


def problem_of(rules: tuple[LingerRule, ...]) -> Refusal | None:
    """What is wrong with rules, or None. Checked before they are taken in, so that a rule that holds can act."""
    names = [_scope(rule) for rule in rules]
    for number, rule in enumerate(rules, start=1):
        if _scope(rule) in names[: number - 1]:
            told = "a rule of this name for the same orders is there already"
            return Refusal(Reason.LINGER_RULE, told, f"linger.{rule.name}", rule.name)
        where = f"linger.{rule.name or number}"
        problem = _problem(rule)
        if problem is not None:
            return Refusal(Reason.LINGER_RULE, problem[1], f"{where}.{problem[0]}", problem[2])
    return None


def _scope(rule: LingerRule) -> tuple[object, ...]:
    """The name of a rule and which orders it is for; of two that are alike only one could hold."""
    return rule.name, rule.account, rule.strategy, rule.symbol, rule.order_id, rule.order_types


def _problem(rule: LingerRule) -> tuple[str, str, str] | None:
    """(field, what is wrong, value) of one rule."""
    if not rule.name:
        return "name", "a rule needs a name: every act of it is logged under it", ""
    if rule.do not in _DEEDS:
        return "do", f"not one of {', '.join(_DEEDS)}", str(rule.do)
    if rule.do == "keep":
        return None
    given = [name for name in _TRIGGERS if not _is_unset(getattr(rule, name))]
    if len(given) != 1:
        return "when", f"a rule needs exactly one of {', '.join(_TRIGGERS)}", ", ".join(given)
    if rule.after_ms is not None and rule.after_ms <= 0:
        return "after_ms", "not above 0", str(rule.after_ms)
    if rule.moved_bps is not None and not (fits(rule.moved_bps) and rule.moved_bps > 0):
        return "moved_bps", "not a number above 0", str(rule.moved_bps)
    if rule.day_end and not _is_clock(rule.day_end):
        return "day_end", "not a time of day in UTC from 00:01 to 24:00, such as 21:30", rule.day_end
    if rule.on_reversal and rule.do != "cancel":
        return "do", "what a signal has turned against is cancelled, nothing else", rule.do
    if rule.do == "nearer" and not 0 < rule.times < MAX_REQUESTS - 1:
        return "times", f"how often a price may be moved is a number from 1 to {MAX_REQUESTS - 2}", str(rule.times)
    if rule.offset_ticks < 0:
        return "offset_ticks", "below 0: it would cross the market", str(rule.offset_ticks)
    if rule.within_bps is not None and not (fits(rule.within_bps) and rule.within_bps > 0):
        return "within_bps", "not a number above 0", text(rule.within_bps)
    return None


def _is_unset(value: object) -> bool:
    return value is None or value is False or value == ""


def _is_clock(clock: str) -> bool:
    hours, _, minutes = clock.partition(":")
    if not (len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        return False
    return int(minutes) < 60 and 0 < 60 * int(hours) + int(minutes) <= 24 * 60


def turned(signal: Signal, order: Instruction) -> bool:
    """Whether a signal may turn against an order: the same strategy, account and symbol."""
    return (signal.strategy, signal.account, signal.symbol) == (order.strategy, order.account, order.symbol)
