"""Listing: bars, a calendar and a table as widgets whose rows a click or a key chooses; drawn in the browser, decided in Python.

Three shapes of one small widget, beside this file in JavaScript. It draws what it is told as text, and tells which row was pressed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

SHAPES: Final = ("bars", "calendar", "table")
_HERE: Final = Path(__file__).parent


class Listing(anywidget.AnyWidget):
    """Rows that can be chosen, one at a time; a second press lets go.

    Attributes
    ----------
    shape
        ``bars``: rows of `key, label, text` and `parts` (`value, colour, text`), drawn on one scale. ``calendar``: rows of `label, colour`, 36
        `values` and `periods` (texts); months, named in `columns`, are chosen, ``"0"`` to ``"11"``. ``table``: rows of `key, texts` under `columns` (`label, number`).
    rows, columns, title
        What is drawn; all of it plain text.
    chosen
        Keys of the rows that are chosen, [] or one.
    """

    _esm = _HERE / "listing.js"
    _css = _HERE / "listing.css"
    shape = traitlets.Enum(SHAPES, "table").tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    columns: Any = traitlets.List().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    chosen = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def show(self, rows: Sequence[dict[str, Any]], *, chosen: Sequence[str] = (), title: str | None = None) -> None:
        """Draw other rows, in one message."""
        with self.hold_sync():
            self.rows, self.chosen = list(rows), list(chosen)
            if title is not None:
                self.title = title
