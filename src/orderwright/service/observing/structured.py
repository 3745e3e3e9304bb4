"""structlog without rich, which it takes for tracebacks wherever it can be imported: 0.1 s of every start, and ours are
plain. Whoever needs structlog takes it from here."""

from __future__ import annotations

import sys

_hidden: dict[str, None] = {} if "rich" in sys.modules else {"rich": None}
sys.modules.update(_hidden)  # type: ignore[arg-type]  # None there: importing it fails
try:
    import structlog
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["structlog"]
