"""What the registries of a synthetic county say: whom they leave out or list beside, and under which other name.

Nothing here changes what was collected. Names that are the same subject's and yet written otherwise, and names that look alike
and are not, are dealt out over the townships; each is remembered with its kind, for the truth files.
"""

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from originmap.sample.county import Ground, Holding, Names, Subject
from originmap.sample.trades import Dice

# Characters of invented names and what each is taken for: what sounds like it, what looks like it.
_SOUNDS: Final = (
    "晨辰 露路 青清 岚兰 碧璧 禾和 溪西 谷古 丰峰 穗岁 绿律 野也 金今 云芸 岭领 泉全 山衫 月悦 风枫 霞侠 松淞 竹烛 影颖 沃卧 嘉佳 朝潮 晴情 芸云 舟周 桐童 "
    "霁际 苓玲 澄成 榆于 朗郎 茗明 棠堂 砚雁 湄眉 樵乔 蔚尉 筠匀 漪依 葭佳 珩恒 泠铃 萤营 垚尧 霖林 藜离 蓁真 沅元 旸阳 秧央 莳时 畦齐"
)
_SHAPES: Final = (
    "晨晟 岚岗 青责 禾木 谷各 绿缘 金全 月丹 风凤 土士 霞雾 松柏 翠粹 嘉喜 岭岑 田由 园圆 露霜 云去 泉皇 星昱 涛寿 野墅 竹付 影景 晴睛 苓芩 汀打 棠裳 砚现 "
    "泠冷 旸肠 秧映 沅浣 澄橙 桐铜 湄媚 榆愉 朗朔 昭昌 樵憔 蔚蔷 筠箬 珩衍 萤莹 霖霏 藜蔾 陌佰 芸芒 溪浜 穗惠 舟丹 霁齐 茗名"
)
SOUND: Final = {pair[0]: pair[1] for pair in _SOUNDS.split()}
SHAPE: Final = {pair[0]: pair[1] for pair in _SHAPES.split()}
_GIVEN: Final = "文武德志明华国平安荣福寿春秋"
_NAMELESS_FORMS: Final = ("安溪县", "安溪")
# How often each stands in a county of ordinary size (1,500 collection rows).
_ORDINARY_ROWS: Final = 1500
_MOST_TIMES: Final = 4.0  # as often in the largest: each looks through a township
_QUOTAS: Final[Mapping[str, str]] = {
    "same to any reader": "space 6, width 4, prefix 8, legal_form 8, bracket 4",
    "same if somebody says so": "typo 5, sound 5, person 4, bracket_behind 2",
    "another, near in name or phone": "near_person 4, father_son 4, near_farm 4, near_both 3, namesake 3",
    "registered, and counted beside or not at all": "unsized 4, unsized_alone 2, buyer 3",
}
QUOTA: Final[Mapping[str, int]] = {
    kind: int(count) for kinds in _QUOTAS.values() for kind, count in (each.split() for each in kinds.split(", "))
}
ASKED: Final = frozenset({"typo", "sound", "person", "bracket_behind"})
OTHERS: Final = frozenset({"near_person", "father_son", "near_farm", "near_both", "namesake"})


@dataclass(frozen=True, slots=True)
class Listed:
    """A registry row: the holding that it is about, as the registry has it; `kind` of `QUOTA`, or nothing in particular."""

    holding: Holding
    shown: Holding
    kind: str = ""


class Lister:
    """Deals the kinds of `QUOTA` out over a county's townships; what fits nowhere waits for the next one."""

    def __init__(self, seed: int, rows: int, names: Names) -> None:
        scale = min(rows / _ORDINARY_ROWS, _MOST_TIMES)
        slots = [kind for kind, count in QUOTA.items() for _ in range(max(1, round(count * scale)))]
        self._waiting = [slots[at] for at in Dice(seed, 8).order(len(slots))]
        self._total = len(self._waiting)
        self._seed, self._names = seed, names
        self._namesakes: list[Holding] = []

    def register(
        self, land: Ground, holdings: Sequence[Holding], kept: Collection[int], done: float, *, wide: bool
    ) -> list[Listed]:
        """Return a township's registry in the order of its holdings, what is listed beside them last.

        Parameters
        ----------
        land, holdings
            The township and what is kept there.
        kept
            ``id`` of the holdings that have an accepted collection row.
        done
            The share of the county's rows written by then.
        wide
            Whether it has a column a product, where a blank says that there is none.
        """
        dice = Dice(self._seed, land.index, 8)
        rows = {id(item): Listed(item, item) for item in holdings if item.registered is not None}
        count: dict[str, int] = {}
        for item in holdings:
            count[item.subject.name] = count.get(item.subject.name, 0) + 1
        more = [self._as_namesake(item, land, dice) for item in self._namesakes]
        self._namesakes = []
        free = {id(item) for item in holdings if count[item.subject.name] == 1}
        due = len(self._waiting) - round(self._total * (1 - min(1.0, done * 1.2)))
        for kind in list(self._waiting):
            if due <= 0:
                break
            if wide and kind.startswith("unsized"):
                continue
            fitting = [item for item in holdings if id(item) in free and _fits(kind, item, id(item) in kept, land)]
            if not fitting:
                continue
            item = dice.pick(fitting)
            free.discard(id(item))
            self._waiting.remove(kind)
            due -= 1
            if kind == "namesake":
                self._namesakes.append(item)
            elif kind in OTHERS or kind == "buyer":
                own = self._beside(kind, item, land, dice)
                more.append(Listed(item if kind == "buyer" else own, own, kind))
            else:
                rows[id(item)] = Listed(item, _shown(kind, item, land), kind)
        return [*rows.values(), *more]

    def _beside(self, kind: str, item: Holding, land: Ground, dice: Dice) -> Holding:
        """Return a registered holding of another subject than `item`'s, or of the buyer himself."""
        subject = item.subject
        if kind == "buyer":
            return replace(item, registered=sum(plot.sizes[0] for plot in item.plots), plots=(), february=False)
        village = dice.pick([name for name in land.villages if name != subject.village] or list(land.villages))
        name, phone = subject.name, self._names.spare_phone()
        if kind == "near_farm":
            name = _changed(name, land, SOUND) or name
            return self._small(item, Subject(name, subject.type, self._names.person(dice), phone, village), dice)
        given = [sign for sign in _GIVEN if sign not in name]
        new = dice.pick(given)
        name = name[0] + (
            dice.pick([sign for sign in given if sign != new]) + new if kind == "father_son" else name[1:-1] + new
        )
        if kind in ("father_son", "near_both"):
            village = subject.village
        phone = subject.phone if kind == "father_son" else phone
        return self._small(item, Subject(name, "household", name, phone, village), dice)

    def _as_namesake(self, item: Holding, land: Ground, dice: Dice) -> Listed:
        name, village = item.subject.name, dice.pick(list(land.villages))
        own = self._small(item, Subject(name, "household", name, self._names.spare_phone(), village), dice)
        return Listed(own, own, "namesake")

    @staticmethod
    def _small(item: Holding, subject: Subject, dice: Dice) -> Holding:
        """Return a holding of `subject` that is registered and was never collected, below the threshold or above it."""
        below = dice.chance(0.5)
        size = item.product.threshold * (0.6 if below else 2.4)
        size = round(size, 2) if item.product.kind == "crop" else float(round(size))
        return replace(
            item,
            subject=subject,
            category="exempt" if below else "missing",
            registered=max(size, item.product.plausible[0]),
            plots=(),
            february=False,
        )


def category_of(listed: Sequence[Listed], settled: Mapping[int, str]) -> dict[int, str]:
    """Return the categories of ``truth.settle`` with what the registry changes: who stands there without a size differs in it."""
    unsized = {id(item.holding) for item in listed if item.shown.registered is None}
    return {key: "size_difference" if key in unsized and kind == "matched" else kind for key, kind in settled.items()}


def kind_of(item: Listed, settled: Mapping[int, str]) -> str:
    """Return a registry row's category: that of its collected rows, else what being uncollected makes it."""
    size, product = item.shown.registered, item.shown.product
    uncollected = "unsized" if size is None else "missing" if size >= product.threshold else "exempt"
    kind = settled.get(id(item.holding), uncollected)
    return "matched" if kind == "below" else kind


def _fits(kind: str, item: Holding, kept: bool, land: Ground) -> bool:  # noqa: FBT001 - private
    """Tell whether a holding can be what a kind needs; `kept` where it was collected."""
    subject, listed = item.subject, item.registered is not None
    if kind == "buyer":
        return item.category == "buyer" and kept
    if kind == "unsized_alone":
        return item.category == "exempt"
    if not kept or item.category in ("buyer", "below"):
        return False
    if kind in ("near_person", "father_son", "namesake"):
        return not listed and subject.type == "household" and len(subject.name) == 3
    if kind == "near_both":
        return listed and subject.type == "household" and len(subject.name) == 3
    if kind == "near_farm":
        return not listed and subject.type != "household" and _changed(subject.name, land, SOUND) is not None
    if not listed:
        return False
    if kind == "unsized":
        return item.category == "matched"
    return item.category in ("matched", "size_difference") and _shown(kind, item, land) is not item


def _shown(kind: str, item: Holding, land: Ground) -> Holding:
    """Return a holding as a registry writes it; the same object where it cannot be written so."""
    subject = item.subject
    if kind in ("unsized", "unsized_alone"):
        return replace(item, registered=None)
    if kind == "person":
        if subject.type != "family_farm":
            return item
        return replace(item, subject=replace(subject, name=subject.contact, type="household"))
    name = _WAYS[kind](subject, land)
    return item if name is None or name == subject.name else replace(item, subject=replace(subject, name=name))


def _space(subject: Subject, _: Ground) -> str | None:
    return (
        f"{subject.name[0]} {subject.name[1:]}"
        if subject.type == "household"
        else subject.name[:-4] + " " + subject.name[-4:]
    )


def _width(subject: Subject, _: Ground) -> str | None:
    return f"{subject.name[0]}　{subject.name[1:]}" if subject.type == "household" else None


def _prefix(subject: Subject, land: Ground) -> str | None:
    if subject.type == "household":
        return None
    bare = _bare(subject.name, land)
    return bare if bare != subject.name else f"安溪县{land.name}{bare}"


def _legal_form(subject: Subject, _: Ground) -> str | None:
    name = subject.name
    if name.endswith("农民专业合作社"):
        return name.replace("农民专业合作社", "合作社" if len(name) % 2 else "专业合作社")
    return name.replace("有限公司", "有限责任公司") if name.endswith("有限公司") else None


def _bracket(subject: Subject, land: Ground) -> str | None:
    bare = _bare(subject.name, land)
    return None if subject.type == "household" else f"（安溪）{bare}" if len(bare) % 2 else f"(安溪县){bare}"


def _bracket_behind(subject: Subject, _: Ground) -> str | None:
    return f"{subject.name}（{subject.contact}）" if subject.type == "family_farm" else None


_WAYS: Final[Mapping[str, Callable[[Subject, Ground], str | None]]] = {
    "space": _space,
    "width": _width,
    "prefix": _prefix,
    "legal_form": _legal_form,
    "bracket": _bracket,
    "bracket_behind": _bracket_behind,
    "typo": lambda subject, land: _changed(subject.name, land, SHAPE),
    "sound": lambda subject, land: _changed(subject.name, land, SOUND),
}


def _bare(name: str, land: Ground) -> str:
    """Return an organisation's name without county and township in front."""
    for front in (*_NAMELESS_FORMS, land.name, land.former or land.name):
        name = name.removeprefix(front)
    return name


def _changed(name: str, land: Ground, signs: Mapping[str, str]) -> str | None:
    """Return `name` with its last telling character replaced by what `signs` takes it for, None if they know none of them."""
    bare = _bare(name, land)
    start = len(name) - len(bare)
    # A person's given name; of an organisation the two characters that it is called by.
    spots = range(1, 3) if len(name) == 3 else range(start, start + 2) if len(name) > 3 else range(0)
    for at in reversed(spots):
        if name[at] in signs:
            return name[:at] + signs[name[at]] + name[at + 1 :]
    return None


def plain_name(name: str, land: Ground) -> str:
    """Return a name by which the sample itself compares: half width, no spaces and brackets, no place in front, one legal form."""
    text = "".join(sign for sign in unicodedata.normalize("NFKC", name) if sign.isalnum())
    fronts = ("福建省", "泉州市", *_NAMELESS_FORMS, land.name, *([land.former] if land.former else []))
    found = True
    while found:
        found = False
        for front in fronts:
            if text.startswith(front) and len(text) > len(front) + 1:
                text, found = text.removeprefix(front), True
    for form, short in (
        ("农民专业合作社", "合作社"),
        ("专业合作社", "合作社"),
        ("有限责任公司", "公司"),
        ("有限公司", "公司"),
    ):
        if text.endswith(form):
            return text.removesuffix(form) + short
    return text
