"""originmap: what is grown or raised where, by whom, how much and when, each number followed back to its cell.

Modules are the namespace: ``import originmap as om`` and then ``om.open_round(...)``,
``om.reconcile.planting_area(round_)``. Modules load when first used, so that heavy libraries do too.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from originmap.rounds import Round, open_round

__version__ = "0.1.0"
__all__ = ["Round", "__version__", "open_round"]


def __getattr__(name: str) -> Any:
    """Load a module, or `open_round` and `Round`, when it is first asked for."""
    if name in ("open_round", "Round"):
        return getattr(importlib.import_module("originmap.rounds"), name)
    try:
        return importlib.import_module(f"originmap.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"originmap.{name}":
            raise
        msg = f"module 'originmap' has no attribute {name!r}"
        raise AttributeError(msg) from None
