"""Evidence: what speaks for and against two subjects being one, weighed and put into words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from originmap import likeness, names, texts
from originmap.rules import Rules

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

# How two names are related, the strongest first; the words are what a person reads.
RELATIONS: Final[Mapping[str, str]] = {
    "equal": "名称相同",
    "aside": "括注以外名称相同",
    "form": "名称只差行业或组织形式的写法",
    "kind": "名称相同而组织形式不同",
    "sound_one": "名称一字之差，读音相同或相近",
    "sound": "名称读音相同或相近",
    "one": "名称一字之差",
    "contact": "一方是另一方的联系人",
    "alike": "名称相近",
    "family": "同姓不同名",
    "other": "名称不同",
}
_PERSON: Final = 4  # the most signs of a person's name
_PHONE: Final = {1: "电话相同", 0: "电话不全，无从比较", -1: "电话不同"}
_VILLAGE: Final = {1: "同村", 0: "村名不全，无从比较", -1: "不同村"}


@dataclass(frozen=True)
class Listed:
    """One list's subjects as arrays: texts are never NA, what is unknown is empty.

    `plain` is a name without what stands in brackets behind it, `bare` the same as `names.spelled`, to be compared; `core` is that without trade and
    form, `core_form` without its trade.
    """

    block: Numbers
    subject: Texts
    plain: Texts
    bare: Texts
    core: Texts
    core_form: Texts
    phones: Texts
    village: Texts
    contacts: Texts


@dataclass(frozen=True)
class Weighed:
    """Pairs of positions in two lists with the `relation` of their names (a place in `RELATIONS`), phone and village (1 shared, 0 unknown, -1 different)."""

    left: Numbers
    right: Numbers
    relation: Numbers
    phone: Numbers
    village: Numbers
    score: npt.NDArray[np.float64]

    def is_(self, *relations: str) -> Flags:
        """Tell which pairs' names are related in one of these ways."""
        return np.isin(self.relation, [list(RELATIONS).index(name) for name in relations])

    def words(self, rows: Numbers) -> list[str]:
        """Return the evidence for some of the pairs in words."""
        relations = list(RELATIONS.values())
        told = zip(self.relation[rows].tolist(), self.phone[rows].tolist(), self.village[rows].tolist(), strict=True)
        return [f"{relations[relation]}；{_PHONE[phone]}；{_VILLAGE[village]}" for relation, phone, village in told]


def listed(frame: pd.DataFrame, block: Numbers, rules: Rules) -> Listed:
    """Return subjects (`matching.subjects`) as arrays; a phone that too many subjects of a block give is left out."""

    def column(name: str) -> Texts:
        values = frame[name] if name in frame else pd.Series("", frame.index, dtype="str")
        return _texts(values)

    subject, aside = column("subject"), column("aside")
    plain = subject.copy()
    for at in np.flatnonzero(aside != ""):
        plain[at] = subject[at].removesuffix(aside[at]) or subject[at]
    spelt = names.spelled(pd.Series(plain, dtype="str"), rules)
    phones = _telling(column("phones"), block, int(rules["matching"]["phone_subjects"]))
    return Listed(
        block=block,
        subject=subject,
        plain=plain,
        bare=_texts(spelt),
        core=_texts(names.core(spelt)),
        core_form=_texts(names.core(spelt, form=True)),
        phones=phones,
        village=column("village"),
        contacts=column("contacts"),
    )


def weighed(one: Listed, other: Listed, left: Numbers, right: Numbers, rules: Rules) -> Weighed:
    """Return what the names, phones and villages of pairs say, and the score that follows (``matching.weights``)."""
    alike = likeness.likeness(one.bare[left], other.bare[right], rules)
    phone, village = (
        agreement(one.phones[left], other.phones[right]),
        agreement(one.village[left], other.village[right]),
    )
    contact = _named(one.contacts[left], other.subject[right]) | _named(other.contacts[right], one.subject[left])
    long = np.array([len(name) > 1 for name in one.core[left]], dtype=bool)
    ways = [
        one.subject[left] == other.subject[right],
        one.plain[left] == other.plain[right],
        long & (one.core_form[left] == other.core_form[right]) & _one_plain(one, other, left, right),
        long & (one.core[left] == other.core[right]) & (one.core_form[left] != other.core_form[right]),
        (alike.sounds == 0) & (alike.signs == 1),
        alike.sounds == 0,
        (alike.signs == 1) & (alike.score >= 50),
        contact,
        alike.score >= float(rules["matching"]["likeness"]),
        _family(one.bare[left], other.bare[right]),
        np.ones(len(left), dtype=bool),
    ]
    relation = np.argmax(np.array(ways, dtype=bool).reshape(len(ways), len(left)), axis=0).astype(np.int64)
    by_name = np.where(relation == 0, 100.0, alike.score)
    by_name = np.where(
        relation == list(RELATIONS).index("contact"), np.maximum(by_name, float(rules["matching"]["contact"])), by_name
    )
    weights: Mapping[str, Any] = rules["matching"]["weights"]
    parts = (
        weights["name"] * by_name / 100 + weights["phone"] * (phone + 1) / 2 + weights["village"] * (village + 1) / 2
    )
    score = np.round(100 * parts / sum(weights.values()), 1)
    return Weighed(left, right, relation, phone, village, score)


def agreement(left: Texts, right: Texts) -> Numbers:
    """Return 1 where two texts of values joined by ``;`` share one, -1 where they share none, 0 where either is empty."""
    shared = (left == right).astype(bool)
    unknown = (left == "").astype(bool) | (right == "").astype(bool)
    result = np.where(unknown, 0, np.where(shared, 1, -1)).astype(np.int64)
    for at in np.flatnonzero(result == -1):
        if ";" in left[at] or ";" in right[at]:
            result[at] = 1 if set(left[at].split(";")) & set(right[at].split(";")) else -1
    return result


def spread(values: Texts) -> tuple[Numbers, Texts]:
    """Return every single value of texts joined by ``;`` with the position that it stands at."""
    filled = np.flatnonzero(values != "")
    parts = [text.split(";") for text in values[filled]]
    return np.repeat(filled, [len(part) for part in parts]), np.array(
        [one for part in parts for one in part], dtype=object
    )


def _telling(phones: Texts, block: Numbers, most: int) -> Texts:
    """Return the phones without those that more than `most` subjects of a block give, and without masked ones."""
    position, phone = spread(phones)
    if not len(position):
        return phones
    frame = pd.DataFrame({"position": position, "block": block[position], "phone": phone}).drop_duplicates()
    used = frame.groupby(["block", "phone"])["position"].transform("size").to_numpy()
    tell = (used <= most) & ~frame["phone"].str.contains("*", regex=False).to_numpy()
    if tell.all():
        return phones
    result = phones.copy()
    bad = np.unique(frame["position"].to_numpy()[~tell])
    result[bad] = ""
    kept = (
        frame[tell & np.isin(frame["position"], bad)]
        .groupby("position")["phone"]
        .agg(lambda some: ";".join(sorted(some)))
    )
    result[kept.index.to_numpy()] = kept.to_numpy(dtype=object)
    return result


def _one_plain(one: Listed, other: Listed, left: Numbers, right: Numbers) -> Flags:
    """Tell where both write one trade or one of them none: 云岭合作社 may be 云岭蔬菜合作社, 云岭养牛合作社 is not."""
    bare = one.bare[left], other.bare[right]
    plain = (bare[0] == one.core_form[left]) | (bare[1] == other.core_form[right])
    return np.asarray(plain | (bare[0] == bare[1]), dtype=bool)


def _family(left: Texts, right: Texts) -> Flags:
    """Tell which two names are persons' with one family name: father and son, as often as not."""
    pairs = zip(left, right, strict=True)
    return np.array(
        [
            one[0] == other[0] and max(len(one), len(other)) <= _PERSON and (one + other).isalpha()
            for one, other in pairs
        ],
        dtype=bool,
    )


def _named(contacts: Texts, subject: Texts) -> Flags:
    return np.array([name in listed.split(";") for listed, name in zip(contacts, subject, strict=True)], dtype=bool)


def _texts(values: pd.Series) -> Texts:
    found: Texts = np.asarray(texts.arrow(values).fill_null("").to_numpy(zero_copy_only=False), dtype=object)
    return found
