"""Texts: whole columns of text handled at once, one look a distinct text where a look is needed at all.

Columns are pandas ``str`` series over Arrow. Patterns called sieves are read by RE2: they may find too much, never too little.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

T = TypeVar("T")

# Arrow's own allocator keeps what it once took; the system's gives it back, which an office laptop needs more.
pa.set_memory_pool(pa.system_memory_pool())

TEXT: Final = pd.StringDtype("pyarrow", na_value=np.nan)
_SPACE: Final = r"[\s\p{Z}]+"


def arrow(text: pd.Series) -> pa.ChunkedArray:
    """Return a text column as Arrow strings, null where NA."""
    array = pa.array(text.astype(TEXT))
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def series(array: pa.ChunkedArray | pa.Array, index: pd.Index) -> pd.Series:
    """Return Arrow strings as a text column."""
    return pd.Series(TEXT.__from_arrow__(array), index=index)


def found_in(text: pd.Series, sieve: str) -> npt.NDArray[np.bool_]:
    """Tell which texts `sieve` finds; NA is false."""
    hit = pc.fill_null(pc.match_substring_regex(arrow(text), sieve), fill_value=False)
    found: npt.NDArray[np.bool_] = hit.to_numpy()
    return found


def distinct(text: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return for each text its place among the distinct ones, -1 where NA, and those."""
    coded = arrow(text).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    places = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return places.astype(np.int64), coded.dictionary.to_pylist()


def over(text: pd.Series, read: Callable[[str], T | None]) -> pd.Series:
    """Return `read` of every text as objects, once per distinct text; None where the text is NA (aligned to `text`)."""
    places, known = distinct(text)
    values = np.full(len(known) + 1, None, dtype=object)
    for number, one in enumerate(known):
        values[number] = read(one)
    return pd.Series(values[places], index=text.index, dtype="object")


def gathered(text: pd.Series, by: Iterable[Hashable], sign: str) -> pd.Series:
    """Return the texts of each group joined by `sign`, a text once, in their order; indexed by the groups as they come, NA left out."""
    groups: dict[Hashable, dict[str, None]] = {}
    for key, one in zip(by, text, strict=True):
        if isinstance(one, str):
            groups.setdefault(key, {})[one] = None
    return pd.Series({key: sign.join(own) for key, own in groups.items()}, dtype="str")


def spread(
    text: pd.Series, read: Callable[[str], tuple[Any, ...] | None], columns: Sequence[str], blank: tuple[Any, ...]
) -> pd.DataFrame:
    """Return the parts of `read` of every text as columns, once per distinct text.

    Parameters
    ----------
    text
        The column; NA reads as `blank`, and so does a text that `read` refuses (None).
    read
        Returns as many values as there are `columns`.
    columns, blank
        Names of the parts, and their values where there is nothing; a text part is a text column.
    """
    places, known = distinct(text)
    rows = [read(one) or blank for one in known] + [blank]
    parts = {}
    for number, name in enumerate(columns):
        values = [row[number] for row in rows]
        if isinstance(blank[number], str):
            parts[name] = series(pa.array(values, pa.large_string()).take(pa.array(places % len(rows))), text.index)
        else:
            parts[name] = pd.Series(np.array(values)[places], index=text.index)
    return pd.DataFrame(parts, index=text.index)


def each(text: pd.Series, change: Callable[[str], str | None], *, sieve: str = "") -> pd.Series:
    """Return `change` of the texts that `sieve` finds (all by default), the others as they are."""
    array = arrow(text)
    hits = np.flatnonzero(found_in(text, sieve) if sieve else text.notna().to_numpy())
    if not len(hits):
        return series(array, text.index)
    known: dict[str, str | None] = {}
    changed = []
    for one in array.take(pa.array(hits)).to_pylist():
        if one not in known:
            known[one] = change(one)
        changed.append(known[one])
    mask = np.zeros(len(text), dtype=np.bool_)
    mask[hits] = True
    whole = array.combine_chunks()
    whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    return series(pc.replace_with_mask(whole, pa.array(mask), pa.array(changed, whole.type)), text.index)


def half_width(text: pd.Series, *, spaces: bool = False) -> pd.Series:
    """Return texts in half-width form (NFKC), without any white space unless `spaces`."""
    array = pc.utf8_normalize(arrow(text), form="NFKC")
    return series(array if spaces else pc.replace_substring_regex(array, _SPACE, ""), text.index)


def without(text: pd.Series, pattern: str, to: str = "") -> pd.Series:
    """Return texts with every match of an RE2 pattern replaced."""
    return series(pc.replace_substring_regex(arrow(text), pattern, to), text.index)


def joined(columns: Sequence[pd.Series], *, by: str = "\x1f") -> pd.Series:
    """Return the columns of each row as one text, NA as nothing."""
    arrays = [pc.fill_null(arrow(column), "") for column in columns]
    return series(pc.binary_join_element_wise(*arrays, pa.scalar(by, pa.large_string())), columns[0].index)
