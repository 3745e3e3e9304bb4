"""The base of what goes in and comes out; see messages.py."""

from __future__ import annotations

from typing import dataclass_transform

import msgspec
from msgspec import Struct


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The base of commands, reports and actions."""
