"""Pairing: which pairs of two lists' subjects are certain, which a person must see, and which a verdict has settled.

Works on positions in `evidence.Listed`; order and labels of rows are the caller's. Pairs are counted as ``left × len(right) + right``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from originmap import likeness
from originmap.evidence import Flags, Listed, Numbers, Texts, Weighed, spread, weighed
from originmap.rules import Rules

BANDS: Final = ("same", "review", "different")
_SAME, _REVIEW, _DIFFERENT, _NONE = range(4)
_DECIDED: Final = {
    (1, _SAME): "已决定：是同一主体",
    (1, _REVIEW): "已决定是同一主体，但其中一方已与别的主体对应",
    (-1, _DIFFERENT): "已决定：不是同一主体",
    (0, _REVIEW): "各人决定互相矛盾，均未采用",
}


@dataclass(frozen=True)
class Said:
    """What verdicts say of pairs: `codes` sorted, `says` 1 same, -1 different, 0 contradicted; `ids` of the decisions."""

    codes: Numbers
    says: Numbers
    ids: Texts

    @classmethod
    def nothing(cls) -> "Said":
        """Return that nobody has said anything."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, dtype=object))

    def of(self, codes: Numbers) -> tuple[Flags, Numbers, Texts]:
        """Return for each pair whether anything is said of it, what, and the decision's id."""
        known = np.isin(codes, self.codes)
        says, ids = np.zeros(len(codes), np.int64), np.full(len(codes), "", dtype=object)
        at = np.searchsorted(self.codes, codes[known])
        says[known], ids[known] = self.says[at], self.ids[at]
        return known, says, ids


class _Free:
    """Which subjects of either list have no partner yet."""

    def __init__(self, left: int, right: int) -> None:
        self.left, self.right = np.ones(left, dtype=bool), np.ones(right, dtype=bool)

    def both(self, pairs: Weighed) -> Flags:
        return np.asarray(self.left[pairs.left] & self.right[pairs.right], dtype=bool)

    def take(self, left: Numbers, right: Numbers) -> None:
        self.left[left] = self.right[right] = False


def settle(one: Listed, other: Listed, said: Said, rules: Rules) -> pd.DataFrame:
    """Return the pairs that `matching.match` describes: `left, right` (positions), `band, score, evidence, decided`, in no order."""
    width = max(len(other.block), 1)
    free = _Free(len(one.block), len(other.block))
    equal = weighed(one, other, *_equal(one, other), rules)
    codes = equal.left * width + equal.right
    known, says, ids = said.of(codes)
    certain = (equal.phone != -1) & ~(known & (says < 1))
    sure = codes[certain]
    free.take(equal.left[certain], equal.right[certain])
    rank = np.where(certain, _SAME, _NONE)
    first = _table(equal, rank, says, known, ids)
    codes = np.unique(np.concatenate([_candidates(one, other, free, rules), codes[~certain], said.codes]))
    codes = np.setdiff1d(codes, sure)
    found = weighed(one, other, codes // width, codes % width, rules)
    known, says, ids = said.of(codes)
    rank = _ranked(one, other, found, free, np.where(known, says, 2), rules)
    return pd.concat([first, _table(found, rank, says, known, ids)], ignore_index=True)


def _ranked(one: Listed, other: Listed, found: Weighed, free: _Free, says: Numbers, rules: Rules) -> Numbers:
    """Return each pair's rank, a place in `BANDS` or `_NONE`; `says` is 2 where no verdict speaks. `free` is what certain pairs left over."""
    rank = np.full(len(says), _NONE)
    rank[says == -1] = _DIFFERENT
    open_ = says != -1
    # The best first; a pair's place does not depend on which list is the left one.
    names = np.array(
        [sorted(pair) for pair in zip(one.subject[found.left], other.subject[found.right], strict=True)], dtype=object
    ).reshape(-1, 2)
    order = np.lexsort((names[:, 1], names[:, 0], -found.score, one.block[found.left]))

    def same(wanted: Flags) -> None:
        for at in order[wanted[order]]:
            here, there = found.left[at], found.right[at]
            if free.left[here] and free.right[there]:
                rank[at] = _SAME
                free.left[here] = free.right[there] = False

    same(says == 1)
    # Equal names with other phones hold if they are of one village, or nobody knows; not where another name has the phone.
    by_phone = open_ & free.both(found) & (found.phone == 1)
    contested = found.is_("equal") & (found.village != -1) & (says == 2)
    same(contested & (_count(found, by_phone) == 0))
    near = open_ & free.both(found) & ((found.phone == 1) | found.is_("equal", "aside", "form", "kind"))
    same(found.is_("form") & (found.phone == 1) & (says == 2) & (_count(found, near) == 1))
    waiting = open_ & (rank == _NONE) & free.both(found)
    must = waiting & (found.is_("equal") | (says == 0))
    likely = waiting & (found.score >= float(rules["matching"]["review"]))
    few = int(rules["matching"]["candidates"])
    chosen = np.flatnonzero(likely)[np.argsort(np.argsort(order)[likely])]
    best = np.zeros(len(says), dtype=bool)
    for side in (found.left, found.right):
        best[chosen[(pd.Series(side[chosen]).groupby(side[chosen]).cumcount() < few).to_numpy(dtype=bool)]] = True
    one_left = free.left[found.left] | free.right[found.right]
    rank[must | best | ((says == 1) & (rank == _NONE) & one_left)] = _REVIEW
    return rank


def _count(found: Weighed, counted: Flags) -> Numbers:
    """Return for each pair how many of the `counted` ones share a subject with it, itself included."""
    left = np.bincount(found.left[counted], minlength=int(found.left.max(initial=0)) + 1)
    right = np.bincount(found.right[counted], minlength=int(found.right.max(initial=0)) + 1)
    return np.asarray(np.maximum(left[found.left], right[found.right]), dtype=np.int64)


def _equal(one: Listed, other: Listed) -> tuple[Numbers, Numbers]:
    """Return the pairs of equal names within a block."""
    return _join(
        (one.block, one.subject, np.arange(len(one.block))), (other.block, other.subject, np.arange(len(other.block)))
    )


def _candidates(one: Listed, other: Listed, free: _Free, rules: Rules) -> Numbers:
    """Return the codes of pairs of free subjects that could be the same: near names, one phone, or one the other's contact."""
    ours, theirs = np.flatnonzero(free.left), np.flatnonzero(free.right)
    width = len(other.block)
    if not len(ours) or not len(theirs):
        return np.zeros(0, np.int64)
    # 农户12 is not 农户13: what differs in its figures is another's name.
    figures = np.array(
        ["".join(filter(str.isdecimal, name)) for name in np.concatenate([one.bare[ours], other.bare[theirs]])],
        dtype=object,
    )
    block = pd.DataFrame({"block": np.concatenate([one.block[ours], other.block[theirs]]), "figures": figures})
    number = block.groupby(["block", "figures"]).ngroup().to_numpy(dtype=np.int64)
    alike = likeness.pairs(one.bare[ours], other.bare[theirs], (number[: len(ours)], number[len(ours) :]), rules)
    codes = [ours[alike.left] * width + theirs[alike.right]]

    def apart(side: Listed, rows: Numbers, values: Texts) -> tuple[Numbers, Texts, Numbers]:
        at, value = spread(values[rows])
        return side.block[rows][at], value, rows[at]

    def whole(side: Listed, rows: Numbers) -> tuple[Numbers, Texts, Numbers]:
        return side.block[rows], side.subject[rows], rows

    for here, there in (
        (apart(one, ours, one.phones), apart(other, theirs, other.phones)),
        (apart(one, ours, one.contacts), whole(other, theirs)),
        (whole(one, ours), apart(other, theirs, other.contacts)),
    ):
        left, right = _join(here, there)
        codes.append(left * width + right)
    return np.concatenate(codes)


def _join(one: tuple[Numbers, Texts, Numbers], other: tuple[Numbers, Texts, Numbers]) -> tuple[Numbers, Numbers]:
    """Return the positions, given third, of all pairs that agree in block and text."""
    ours, theirs = (pd.DataFrame({"block": block, "text": text, "at": at}) for block, text, at in (one, other))
    joined = ours.merge(theirs, on=["block", "text"])
    return joined["at_x"].to_numpy(np.int64), joined["at_y"].to_numpy(np.int64)


def _table(found: Weighed, rank: Numbers, says: Numbers, known: Flags, ids: Texts) -> pd.DataFrame:
    shown = np.flatnonzero(rank != _NONE)
    words = found.words(shown)
    for place, at in enumerate(shown):
        if known[at]:
            words[place] += "；" + _DECIDED[int(says[at]), int(rank[at])]
    bands = np.array(BANDS, dtype=object)[rank[shown]]
    parts = {"band": bands, "evidence": np.array(words, dtype=object), "decided": ids[shown]}
    frame = pd.DataFrame({"left": found.left[shown], "right": found.right[shown], "score": found.score[shown]})
    return frame.assign(**{name: pd.Series(values, index=frame.index, dtype="str") for name, values in parts.items()})
