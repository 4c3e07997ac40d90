"""Names: what in a subject's name tells it apart from others, and how it sounds.

Most of an organisation's name says only what it is: of 云岭蔬菜合作社 and 云谷蔬菜合作社 five signs in seven agree and the subjects are
others. So the words for a trade and a legal form count as one sign each (`spelled`), and 云岭蔬菜合作社 is compared as four signs.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import pandas as pd

from originmap import texts
from originmap.rules import Rules

# Signs of the private use areas stand for words and for sounds: no name holds them.
_FORM: Final = 0xE000
_TRADE: Final = 0xE100
_SOUND: Final = 0xF0000
_CORE: Final = 2  # the signs a name keeps in front of a trade


def spelled(names: pd.Series, rules: Rules) -> pd.Series:
    """Return normalised names with trade and legal form at their end as one sign each; NA stays NA (aligned to `names`).

    A name that is nothing but such words stays as it is. Of several trades in a row the first is the sign.
    """
    forms, trades = _words(rules)
    either = "|".join(map(re.escape, sorted([*forms, *trades], key=len, reverse=True)))
    trade = "|".join(map(re.escape, sorted(trades, key=len, reverse=True)))
    form = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    parts = re.compile(rf"^(.{{{_CORE},}}?)((?:{trade})*)({form})?$", re.DOTALL)
    first = re.compile(trade)

    def short(name: str) -> str:
        found = parts.match(name)
        if found is None:
            return name
        core, trade_of, form_of = found.groups()
        what = first.match(trade_of) if trade_of else None
        return core + (trades[what[0]] if what else "") + (forms[form_of] if form_of else "")

    return texts.each(names, short, sieve=f"(?:{either})$")


def core(spelt: pd.Series, *, form: bool = False) -> pd.Series:
    """Return `spelled` names without the sign of their trade, and unless `form` without that of their legal form."""
    return texts.without(spelt, "[\ue100-\uf8ff]" if form else "[\ue000-\uf8ff]")


def sounding(signs: Iterable[str], rules: Rules) -> dict[int, int]:
    """Return for the code of each sign that of a sign for its sound, the same for 晓 and 小.

    A sound is the commonest reading without its tone, with what is said alike taken together (``matching.alike_sounds``); a sign without
    a reading stands for itself. Which sign a sound gets holds within one call only: names to be compared go in together.
    """
    folds = tuple((str(long), str(short)) for long, short in rules["matching"]["alike_sounds"])
    said = {sign: _said(sign, folds) for sign in signs}
    numbers = {syllable: _SOUND + number for number, syllable in enumerate(sorted(set(said.values()) - {""}))}
    return {ord(sign): numbers.get(syllable, ord(sign)) for sign, syllable in said.items()}


def _words(rules: Rules) -> tuple[dict[str, str], dict[str, str]]:
    """Return ``{word: sign}`` of the legal forms, one sign a kind, and of the trades."""
    kinds = rules["matching"]["forms"]
    forms = {word: chr(_FORM + number) for number, words in enumerate(kinds.values()) for word in words}
    return forms, {word: chr(_TRADE + number) for number, word in enumerate(rules["matching"]["trades"])}


@lru_cache(maxsize=1 << 16)
def _said(sign: str, folds: tuple[tuple[str, str], ...]) -> str:
    """Return how a sign is said, without its tone; nothing for what has no reading. A fold is an initial, or a final that begins with a vowel."""
    from pypinyin.pinyin_dict import pinyin_dict

    marked = unicodedata.normalize("NFD", pinyin_dict.get(ord(sign), "").split(",")[0])
    said = "".join(one for one in marked if one.isalpha() or one == "\u0308")
    for long, short in folds:
        if long[0] in "aeiou":
            said = said.removesuffix(long) + short if said.endswith(long) else said
        elif said.startswith(long):
            said = short + said.removeprefix(long)
    return said
