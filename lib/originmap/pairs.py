"""Pairs: the rows of a sheet that came back beside the rows it was made from, one to one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from originmap.notation import narrow

# Rows are taken for the same when at least this share of what either says is equal.
SAME_SHARE: Final = 0.5
# A serial number says nothing of what a row is about.
SERIAL: Final = "number"
_IDENTITY: Final = ("subject_name", "product", "plot")
# What more rows than this say (a township, a product) points nowhere, unless there are few rows at all.
_COMMON: Final = 50
_FEW: Final = 200

Spot = tuple[str, int]
Values = dict[str, str]


def match(
    after: Mapping[Spot, Values], before: Mapping[Spot, Values], keyed: Mapping[Spot, Spot]
) -> dict[Spot, Spot | None]:
    """Match the rows of a slip with those of its original, one to one.

    By key; then by equal content; then by subject, product and plot; then the most alike, where at least half of what the
    two say is equal. None for a row that has no match.
    """
    pairs: dict[Spot, Spot] = {}
    claims: dict[Spot, list[Spot]] = defaultdict(list)
    for spot in after:
        if keyed.get(spot) in before:
            claims[keyed[spot]].append(spot)
    for old, spots in claims.items():
        # A row copied with its key: the one that is most alike keeps it.
        pairs[max(spots, key=lambda spot: (alike(after[spot], before[old]), -spot[1]))] = old
    taken = set(pairs.values())
    equal = _grouped((spot for spot in before if spot not in taken), before, _content)
    for key, spots in _grouped((spot for spot in after if spot not in pairs), after, _content).items():
        pairs |= dict(zip(spots, equal.get(key, []), strict=False))
    taken = set(pairs.values())
    named = _grouped((spot for spot in before if spot not in taken), before, _identity)
    for key, spots in _grouped((spot for spot in after if spot not in pairs), after, _identity).items():
        if key:
            pairs |= _most_alike(spots, named.get(key, []), after, before, least=0.0)
    taken = set(pairs.values())
    rest, old_rest = [spot for spot in after if spot not in pairs], [spot for spot in before if spot not in taken]
    pairs |= _most_alike(rest, old_rest, after, before, least=SAME_SHARE)
    return {spot: pairs.get(spot) for spot in after}


def alike(one: Values, other: Values) -> float:
    """Return the share of what either row says that both say, their serial numbers aside."""
    names = (set(one) | set(other)) - {SERIAL}
    return sum(one.get(name) == other.get(name) for name in names) / len(names) if names else 0.0


def _content(values: Values) -> tuple[Any, ...]:
    return tuple(sorted(item for item in values.items() if item[0] != SERIAL))


def _identity(values: Values) -> tuple[Any, ...]:
    plot = values.get("plot") or values.get("base_address")
    named = [values.get(name) for name in _IDENTITY[:2]] + [plot]
    return tuple(narrow(text) for text in named if text) if all(named) else ()


def _grouped(
    spots: Iterable[Spot], values: Mapping[Spot, Values], signature: Callable[[Values], tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Spot]]:
    groups: dict[tuple[Any, ...], list[Spot]] = defaultdict(list)
    for spot in spots:
        groups[signature(values[spot])].append(spot)
    return groups


def _most_alike(
    new: Sequence[Spot],
    old: Sequence[Spot],
    after: Mapping[Spot, Values],
    before: Mapping[Spot, Values],
    *,
    least: float,
) -> dict[Spot, Spot]:
    """Pair rows by likeness, the most alike first; rows that share no text at all are never compared."""
    index: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, spot in enumerate(old):
        for item in before[spot].items():
            index[item].append(at)
    scores = []
    for at, spot in enumerate(new):
        # What nearly every row says (a township, a product) points nowhere.
        telling = [index.get(item, []) for item in after[spot].items()]
        hits = {there for found in telling for there in found if len(found) <= _COMMON or len(old) <= _FEW}
        scores += [(-alike(after[spot], before[old[there]]), at, there) for there in hits]
    pairs, used = {}, set()
    for score, at, there in sorted(scores):
        if -score >= least and new[at] not in pairs and there not in used:
            pairs[new[at]] = old[there]
            used.add(there)
    return pairs
