"""Likeness: every pair of names that are nearly the same, found without comparing each with each.

Two names of at most L signs are ``100 × (1 - (d + s) / 2L)`` alike, where d is the distance of their signs and s that of their sounds: optimal
string alignment, as rapidfuzz counts it, where replacing, adding, leaving out and swapping neighbours each cost one. So a wrong sign that sounds right
costs half of one that does not.

The filter is exact. A sound is a function of its sign, so whatever edits one name to the other edits their sounds, too: s ≤ d, and a pair
that is `cutoff` alike has s ≤ (1 - cutoff / 100) × L; with the limit on edits s ≤ k. An alignment of s edits keeps all signs of the longer
name but at most s of them in order and unchanged: a replaced, added or missing sign goes from it, and of two swapped neighbours either one, the
other staying in order. Hence both names contain one common subsequence of L - k sounds. All subsequences of this length are listed
for either side (at most C(12, k) a name), joined on equality within the block, and what they join is scored; nothing above the cut-off can be missing. Names of
more than `LONG` signs, hardly ever met, have too many subsequences and are compared each with each.
"""

from collections.abc import Iterator
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
_BUCKETS: Final = 20  # bits

Numbers = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]
_Found = tuple[Numbers, Numbers, Numbers]


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
    names = np.concatenate([left, right])
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    heard, codes = _heard(names, lengths, rules)
    sides = np.arange(len(left)), np.arange(len(left), len(names))
    block = np.concatenate(blocks)
    found = [_none()]
    for here in np.unique(lengths[sides[0]]):
        for there in np.unique(lengths[sides[1]]):
            longer = max(here, there)
            apart = min(edits, floor(share * longer + 1e-9))
            if longer - min(here, there) > apart:
                continue
            ours, theirs = sides[0][lengths[sides[0]] == here], sides[1][lengths[sides[1]] == there]
            keep = int(longer - apart)
            joined = _joined(codes, block, ours, theirs, keep) if longer <= LONG else _each(block, ours, theirs)
            found += [_within(heard, *some, apart) for some in joined]
    ours, theirs, by_sound = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _scored(names, lengths, (ours, theirs, by_sound), len(left), share)


def likeness(left: Names, right: Names, rules: Rules) -> Alike:
    """Return how alike the names are that stand at one place of two lists of equal length."""
    names = np.concatenate([left, right])
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    heard, _ = _heard(names, lengths, rules)
    ours, theirs = np.arange(len(left)), np.arange(len(left), len(names))
    return _scored(names, lengths, (ours, theirs, _distance(heard[ours], heard[theirs], None)), len(left), 1.0)


def _heard(names: Names, lengths: Numbers, rules: Rules) -> tuple[Names, npt.NDArray[np.uint64]]:
    """Return the names as they sound, and the codes of those sounds for names of no more than `LONG` signs."""
    short = lengths <= LONG
    text = names[short].astype(np.str_)
    width = text.dtype.itemsize // 4
    codes = np.ascontiguousarray(text).view(np.uint32) if len(text) else np.zeros(0, np.uint32)
    present = np.flatnonzero(np.bincount(codes)) if len(codes) else codes
    signs = {chr(code) for code in present if code} | {sign for name in names[~short] for sign in name}
    sound = sounding(sorted(signs), rules)
    table = np.zeros(int(codes.max(initial=0)) + 1, np.uint32)
    table[present] = [sound.get(int(code), 0) for code in present]
    matrix = np.zeros((len(names), max(width, 1)), np.uint32)
    if len(codes):
        matrix[short] = table[codes].reshape(len(text), width)
    heard = matrix.view(f"U{max(width, 1)}").ravel().astype(object)
    heard[~short] = [name.translate(sound) for name in names[~short]]
    return heard, matrix.astype(np.uint64)


def _keys(
    codes: npt.NDArray[np.uint64], block: Numbers, rows: Numbers, length: int, keep: int
) -> npt.NDArray[np.uint64]:
    """Return a number for every subsequence of `keep` sounds of each name, equal where block and sounds are."""
    ways = list(combinations(range(length), keep))
    keys = np.empty((len(rows), len(ways)), np.uint64)
    seed = block[rows].astype(np.uint64) + np.uint64(1)
    columns = [np.ascontiguousarray(codes[rows, at]) for at in range(length)]
    for number, way in enumerate(ways):
        key = seed
        for at in way:
            key = key * _FACTOR + columns[at]
        keys[:, number] = key * _FACTOR
    return keys


def _joined(
    codes: npt.NDArray[np.uint64], block: Numbers, ours: Numbers, theirs: Numbers, keep: int
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the pairs that share a subsequence of `keep` sounds, each once, no more than about `_AT_ONCE` at a time."""
    here, there = (_keys(codes, block, rows, _length(codes, rows), keep) for rows in (ours, theirs))
    shift = np.uint64(64 - _BUCKETS)
    flat = there.ravel()
    bucket = (flat >> shift).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=1 << _BUCKETS))])
    first = start[(here >> shift).astype(np.int64)]
    many = start[(here >> shift).astype(np.int64) + 1] - first
    done = np.cumsum(many.sum(axis=1))
    row = 0
    while row < len(ours):
        stop = max(row + 1, int(np.searchsorted(done, (done[row - 1] if row else 0) + _AT_ONCE, side="right")))
        count = many[row:stop].ravel()
        place = np.repeat(first[row:stop].ravel() - np.cumsum(count) + count, count) + np.arange(count.sum())
        hit = order[place]
        left = np.repeat(np.arange(row * here.shape[1], stop * here.shape[1]), count)
        same = flat[hit] == here.ravel()[left]
        pair = np.unique(left[same] // here.shape[1] * len(theirs) + hit[same] // there.shape[1])
        yield ours[pair // len(theirs)], theirs[pair % len(theirs)]
        row = stop


def _length(codes: npt.NDArray[np.uint64], rows: Numbers) -> int:
    return int((codes[rows[0]] > 0).sum())


def _each(block: Numbers, ours: Numbers, theirs: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield all pairs within a block, no more than about `_AT_ONCE` at a time."""
    for one in np.intersect1d(block[ours], block[theirs]):
        here, there = ours[block[ours] == one], theirs[block[theirs] == one]
        step = max(1, _AT_ONCE // len(there))
        for row in range(0, len(here), step):
            some = here[row : row + step]
            yield np.repeat(some, len(there)), np.tile(there, len(some))


def _within(heard: Names, ours: Numbers, theirs: Numbers, apart: int) -> _Found:
    """Return those pairs whose sounds are at most `apart`, with their distance."""
    distance = _distance(heard[ours], heard[theirs], apart)
    near = distance <= apart
    return ours[near], theirs[near], distance[near]


def _scored(names: Names, lengths: Numbers, found: _Found, offset: int, share: float) -> Alike:
    ours, theirs, by_sound = found
    by_sign = _distance(names[ours], names[theirs], None)
    longer = np.maximum(lengths[ours], lengths[theirs])
    lost = (by_sign + by_sound) / (2 * longer)
    kept = np.flatnonzero(lost <= share + 1e-9)
    kept = kept[np.lexsort((theirs[kept], ours[kept]))]
    score = 100 * (1 - lost[kept])
    return Alike(ours[kept], theirs[kept] - offset, score, by_sign[kept], by_sound[kept])


def _distance(left: Names, right: Names, limit: int | None) -> Numbers:
    if not len(left):
        return np.zeros(0, np.int64)
    found = process.cpdist(left, right, scorer=OSA.distance, score_cutoff=limit, dtype=np.int32)
    return np.asarray(found, dtype=np.int64)


def _none() -> _Found:
    empty = np.zeros(0, np.int64)
    return empty, empty, empty
