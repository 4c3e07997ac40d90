"""Likeness: every pair of names that are nearly the same, found without comparing each with each.

Two names of at most L signs are ``100 × (1 - (d + s) / 2L)`` alike, where d is the distance of their signs and s that of their sounds: optimal
string alignment, as rapidfuzz counts it, where replacing, adding, leaving out and swapping neighbours each cost one. So a wrong sign that sounds right
costs half of one that does not.

The filter is exact. A sound is a function of its sign, so whatever edits one name to the other edits their sounds, too: s ≤ d, and a pair
that is `cutoff` alike has s ≤ (1 - cutoff / 100) × L; with the limit on edits s ≤ k. An alignment of s edits keeps all signs of the longer
name but at most s of them in order and unchanged: a replaced, added or missing sign goes from it, and of two swapped neighbours either one, the
other staying in order. Hence both names contain one common subsequence of L - k sounds. All subsequences of this length are listed
for either side (at most C(12, k) a name), joined on equality within the block, and what they join is scored; nothing above the cut-off can be missing. Names of
more than `LONG` signs, hardly ever met, have too many subsequences and are compared each with each. Pairs are looked at `_AT_ONCE` at a time, so memory
follows the lists and the pairs found, not their product.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import floor
from typing import Final

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from originmap.names import sounding
from originmap.rules import Rules

LONG: Final = 12
_AT_ONCE: Final = 1_000_000  # pairs that are held at a time
_FACTOR: Final = np.uint64(
    0x9E3779B97F4A7C15
)  # odd, so multiplying loses nothing; what collides is scored and falls out

Numbers = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]
Codes = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Alike:
    """Pairs of positions in two lists of names and how alike they are, from 0 to 100, ordered by `left`, then `right`.

    `signs` and `sounds` are the distances.
    """

    left: Numbers
    right: Numbers
    score: npt.NDArray[np.float64]
    signs: Numbers
    sounds: Numbers


def pairs(left: Names, right: Names, blocks: tuple[Numbers, Numbers], rules: Rules) -> Alike:
    """Return all pairs within a block that are at least ``matching.likeness`` alike and at most ``matching.edits`` sounds apart.

    Parameters
    ----------
    left, right
        Names as `names.spelled` gives them: texts of a sign or more.
    blocks
        The block (0 and up) of each name on the left and on the right; names of different blocks are never a pair.
    rules
        For the two limits and the sounds.
    """
    share, edits = 1 - float(rules["matching"]["likeness"]) / 100, int(rules["matching"]["edits"])
    both = _Names(np.concatenate([left, right]), np.concatenate(blocks), rules)
    found = [(np.zeros(0, np.int64),) * 4]
    for there in np.unique(both.lengths[len(left) :]):
        theirs = len(left) + np.flatnonzero(both.lengths[len(left) :] == there)
        index: dict[int, _Index] = {}
        for here in np.unique(both.lengths[: len(left)]):
            longer = int(max(here, there))
            apart = min(edits, floor(share * longer + 1e-9))
            if abs(here - there) > apart:
                continue
            ours = np.flatnonzero(both.lengths[: len(left)] == here)
            keep = longer - apart
            if longer > LONG:
                some = _each(both.block, ours, theirs)
            else:
                index[keep] = index.get(keep) or _Index.of(both.keys(theirs, int(there), keep))
                some = (
                    (ours[one], theirs[other]) for one, other in index[keep].joined(both.keys(ours, int(here), keep))
                )
            for one, other in some:
                by_sound = both.apart(one, other, (int(here), int(there)), apart, sound=True)
                near = by_sound <= apart
                one, other, by_sound = one[near], other[near], by_sound[near]  # noqa: PLW2901 -- the same pairs, fewer
                by_sign = both.apart(one, other, (int(here), int(there)), None, sound=False)
                near = (by_sign + by_sound) / (2 * longer) <= share + 1e-9
                found.append((one[near], other[near], by_sign[near], by_sound[near]))
    return _alike(both.lengths, len(left), *(np.concatenate(parts) for parts in zip(*found, strict=True)))


def likeness(left: Names, right: Names, rules: Rules) -> Alike:
    """Return how alike the names are that stand at one place of two lists of equal length, in their order."""
    both = _Names(np.concatenate([left, right]), np.zeros(2 * len(left), np.int64), rules)
    ours, theirs = np.arange(len(left)), np.arange(len(left), 2 * len(left))
    distances = (both.by_text(ours, theirs, None, sound=sound) for sound in (False, True))
    return _alike(both.lengths, len(left), ours, theirs, *distances)


def _alike(lengths: Numbers, offset: int, ours: Numbers, theirs: Numbers, signs: Numbers, heard: Numbers) -> Alike:
    order = np.lexsort((theirs, ours))
    ours, theirs, signs, heard = ours[order], theirs[order], signs[order], heard[order]
    score = 100 * (1 - (signs + heard) / (2 * np.maximum(lengths[ours], lengths[theirs])))
    return Alike(ours, theirs - offset, score, signs, heard)


class _Names:
    """Names of both lists with their lengths and blocks; those of no more than `LONG` signs as codes, one row each, for signs and for sounds."""

    def __init__(self, names: Names, block: Numbers, rules: Rules) -> None:
        self.names, self.block = names, block
        self.lengths = np.fromiter(map(len, names), np.int64, len(names))
        short = self.lengths <= LONG
        text = (names if short.all() else np.where(short, names, "")).astype(np.str_)
        width = max(text.dtype.itemsize // 4, 1)
        self.codes: Codes = (
            np.frombuffer(text.tobytes(), np.uint32).reshape(len(names), -1)
            if len(names)
            else np.zeros((0, width), np.uint32)
        )
        present = np.flatnonzero(np.bincount(self.codes.ravel()))
        signs = {chr(code) for code in present if code}.union(*names[~short])
        self.sound: Mapping[int, int] = sounding(sorted(signs), rules)
        table = np.zeros(int(present[-1]) + 1 if len(present) else 1, np.uint32)
        table[present] = [self.sound.get(int(code), 0) for code in present]
        self.heard: Codes = table[self.codes]

    def spoken(self, rows: Numbers) -> Names:
        """Return names with the sign of its sound for each of their signs."""
        known, at = np.unique(rows, return_inverse=True)
        return np.array([name.translate(self.sound) for name in self.names[known]], dtype=object)[at]

    def keys(self, rows: Numbers, length: int, keep: int) -> npt.NDArray[np.uint64]:
        """Return a number for every subsequence of `keep` sounds of each name, equal where block and sounds are."""
        ways = list(combinations(range(length), keep))
        keys = np.empty((len(rows), len(ways)), np.uint64)
        seed = self.block[rows].astype(np.uint64) + np.uint64(1)
        columns = [self.heard[rows, at].astype(np.uint64) for at in range(length)]
        for number, way in enumerate(ways):
            key = seed
            for at in way:
                key = key * _FACTOR + columns[at]
            keys[:, number] = key * _FACTOR
        return keys

    def apart(
        self, ours: Numbers, theirs: Numbers, lengths: tuple[int, int], limit: int | None, *, sound: bool
    ) -> Numbers:
        """Return the distance of pairs of names with these two lengths; beyond `limit` anything greater."""
        if max(lengths) > LONG:
            return self.by_text(ours, theirs, limit, sound=sound)
        codes = self.heard if sound else self.codes
        return _aligned(
            [codes[ours, at] for at in range(lengths[0])], [codes[theirs, at] for at in range(lengths[1])], len(ours)
        )

    def by_text(self, ours: Numbers, theirs: Numbers, limit: int | None, *, sound: bool) -> Numbers:
        """Return the distance of pairs of any names, one by one."""
        if not len(ours):
            return np.zeros(0, np.int64)
        left, right = (self.spoken(rows) if sound else self.names[rows] for rows in (ours, theirs))
        found = process.cpdist(left, right, scorer=OSA.distance, score_cutoff=limit, dtype=np.int32)
        return np.asarray(found, dtype=np.int64)


@dataclass(frozen=True)
class _Index:
    """Keys of a list, several a name, sorted into buckets by their upper bits."""

    keys: npt.NDArray[np.uint64]
    order: Numbers
    start: Numbers
    shift: np.uint64

    @classmethod
    def of(cls, keys: npt.NDArray[np.uint64]) -> "_Index":
        bits = max(4, keys.size.bit_length())
        shift = np.uint64(64 - bits)
        bucket = (keys.ravel() >> shift).astype(np.int64)
        return cls(keys, np.argsort(bucket), np.searchsorted(np.sort(bucket), np.arange((1 << bits) + 1)), shift)

    def joined(self, keys: npt.NDArray[np.uint64]) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield the pairs of names (theirs with `keys`, ours in the index) that share a key, each once, about `_AT_ONCE` at a time."""
        bucket = (keys >> self.shift).astype(np.int64)
        first = self.start[bucket]
        many = self.start[bucket + 1] - first
        done = np.cumsum(many.sum(axis=1))
        flat, row = self.keys.ravel(), 0
        while row < len(keys):
            stop = max(row + 1, int(np.searchsorted(done, (done[row - 1] if row else 0) + _AT_ONCE, side="right")))
            count = many[row:stop].ravel()
            left = np.repeat(np.arange(row * keys.shape[1], stop * keys.shape[1]), count)
            place = np.repeat(first[row:stop].ravel() - np.cumsum(count) + count, count) + np.arange(len(left))
            hit = self.order[place]
            same = flat[hit] == keys.ravel()[left]
            pair = left[same] // keys.shape[1] * len(self.keys) + hit[same] // self.keys.shape[1]
            pair = np.sort(pair)
            pair = pair[np.diff(pair, prepend=-1) > 0]
            yield pair // len(self.keys), pair % len(self.keys)
            row = stop


def _aligned(ours: list[Codes], theirs: list[Codes], many: int) -> Numbers:
    """Return the optimal string alignment distance of many pairs of texts at once, given sign by sign."""
    before: list[npt.NDArray[np.int8]] = []
    last = [np.full(many, at, np.int8) for at in range(len(theirs) + 1)]
    for row, one in enumerate(ours):
        line = [np.full(many, row + 1, np.int8)]
        for at, other in enumerate(theirs):
            best = np.minimum(last[at] + (one != other), np.minimum(last[at + 1], line[at]) + np.int8(1))
            if row and at:
                swapped = (one == theirs[at - 1]) & (ours[row - 1] == other)
                best = np.where(swapped, np.minimum(best, before[at - 1] + np.int8(1)), best)
            line.append(best)
        before, last = last, line
    return last[-1].astype(np.int64)


def _each(block: Numbers, ours: Numbers, theirs: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield all pairs within a block, no more than about `_AT_ONCE` at a time."""
    for one in np.intersect1d(block[ours], block[theirs]):
        here, there = ours[block[ours] == one], theirs[block[theirs] == one]
        step = max(1, _AT_ONCE // len(there))
        for row in range(0, len(here), step):
            some = here[row : row + step]
            yield np.repeat(some, len(there)), np.tile(there, len(some))
