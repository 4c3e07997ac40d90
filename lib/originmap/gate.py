"""Gate: the last look before a tree is published. It reads the text values of everything in it and stops the run where one must not leave.

Looked for are ID numbers, accounts with their passwords, telephones beyond the profile and, in public, the round's names. Hashes, codes and
coordinates are none of these: a number counts only where it stands alone, in the form and with the check digit that it must have.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from originmap.contents import texts
from originmap.findings import mask_phone
from originmap.publishing import OutputError
from originmap.rounds import Round

DESKS: Final = ("desk", "returns")  # a township's own papers: its own numbers stay
# Each begins with a digit, so that a long text is run through fast; whether it stands alone is looked at afterwards.
_NUMBER: Final = re.compile(
    r"1[3-9][0-9](?:[0-9]{8}|-[0-9]{4}-[0-9]{4}| [0-9]{4} [0-9]{4})(?![0-9A-Za-z_])|0[1-9][0-9]{1,2}-[0-9]{7,8}(?![0-9A-Za-z_])"
    r"|0[1-9][0-9]{9,10}(?![0-9A-Za-z_])|[0-9]{17}[0-9Xx](?![0-9A-Za-z_])|[1-6][1-7][0-9]{13}(?![0-9A-Za-z_])"
)
_BEFORE: Final = re.compile(r"(?<![0-9A-Za-z_.])(?:\+?86[ -]?)?$|(?<![0-9])\.$")
_DECIMALS: Final = re.compile(r"\.[0-9]*[1-9]")
_PASSWORD: Final = re.compile(
    r"(?:密码|口令|密钥|(?<![a-z])(?:password|passwd|pwd))[名]?\s*[:：=]\s*[\"']?[!-~]{3,}", re.IGNORECASE
)
_ACCOUNT: Final = re.compile(r"(?:账号|帐号|账户名|用户名|登[录陆]名)\s*[:：=]\s*[\"']?[A-Za-z0-9_@.]{3,}")
_HEADED: Final = re.compile(r"^\s*(?:登[录陆]|平台|系统|初始)*(?:密码|口令)\s*$", re.MULTILINE)
_SECRETS: Final = (
    "密码",
    "密钥",
    "口令",
    "账号",
    "帐号",
    "账户名",
    "用户名",
    "登录名",
    "登陆名",
    "assw",
    "ASSW",
    "pwd",
    "PWD",
    "Pwd",
)
_WIDE: Final = "０１２３４５６７８９"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SHORT_NAME: Final = 2
_TOLD: Final = 5


class GateError(OutputError):
    """Something must not leave; the message says what kind and where, never the value itself."""


@dataclass(frozen=True)
class Watch:
    """What the gate lets pass: the officials' `phones` (digits), and in public neither phones nor `names`."""

    profile: Literal["internal", "public"] = "internal"
    phones: frozenset[str] = frozenset()
    names: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, round_: Round, profile: Literal["internal", "public"] = "internal") -> "Watch":
        """Return what a round's profile allows: officials are 附件2, supervisors, collectors and the rules' `office_numbers`; names are everybody's of any row."""
        if profile == "internal":
            columns = [
                round_.contacts.get("phone"),
                *(round_.records.get(f"{who}_phone") for who in ("supervisor", "collector")),
            ]
            texts_ = [text for column in columns if column is not None for text in column.dropna().unique()]
            said = "\n".join([*texts_, str(round_.rules["county"].get("office_numbers", ""))])
            return cls(profile, frozenset(_digits(number) for number in numbers(said)))
        frames = (round_.records, round_.registry, round_.contacts, round_.uploads, round_.rapid_tests, round_.receipts)
        wanted = ("subject_name", "contact_name", "supervisor_name", "collector_name", "name", "registrar")
        columns = [frame[name] for frame in frames for name in wanted if name in frame]
        names = {str(name).strip() for column in columns for name in column.dropna().unique()}
        rules = round_.rules
        common = {*round_.places.aliases(), *round_.places.villages["village"], *rules.product_names()}
        # Somebody wrote a heading or a choice where a name should stand.
        lists = [
            *rules.headers["fields"].values(),
            *(words for choice in rules["choices"].values() for words in choice.values()),
        ]
        common |= {word for words in lists for word in words}
        return cls(profile, names=frozenset(name for name in names - common if len(name) >= _SHORT_NAME))

    @cached_property
    def _starts(self) -> dict[str, list[str]]:
        starts: dict[str, list[str]] = {}
        for name in sorted(self.names):
            starts.setdefault(name[:2], []).append(name)
        return starts

    def leaks(self, text: str, *, desk: bool = False) -> Iterator[tuple[str, str]]:
        """Yield (kind, what) of everything in a text that must not leave; on a desk telephones stay."""
        if not text.isascii() and any(sign in text for sign in _WIDE):
            text = unicodedata.normalize("NFKC", text)
        for number in numbers(text):
            if len(number) in (15, 18):
                if is_id_number(number):
                    yield "身份证号", number
            elif not desk and _digits(number) not in self.phones:
                yield "电话", number
        if any(word in text for word in _SECRETS):
            for pattern in (_PASSWORD, _ACCOUNT, _HEADED):
                yield from (("账号密码", found[0].strip()) for found in pattern.finditer(text))
        if self._starts and not text.isascii():
            yield from (("姓名", name) for name in self._named(text))

    def _named(self, text: str) -> Iterator[str]:
        """Yield names that stand in a text; one of two signs only where no other Chinese sign is beside it."""
        for at in range(len(text) - 1):
            for name in self._starts.get(text[at : at + 2], ()):
                if text.startswith(name, at):
                    beside = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
                    if len(name) > _SHORT_NAME or not any("\u4e00" <= sign <= "\u9fff" for sign in beside):
                        yield name


def numbers(text: str) -> Iterator[str]:
    """Yield what has the form of a telephone or an ID number and stands alone: no part of a code, a hash or a decimal.

    >>> list(numbers("电话13800001234，+86 138-0000-1234；118.13800001234 a13800001234"))
    ['13800001234', '138-0000-1234']
    """
    for found in _NUMBER.finditer(text):
        start, end = found.span()
        if _BEFORE.search(text[max(start - 6, 0) : start]) and not _DECIMALS.match(text, end):
            yield found[0]


def is_id_number(text: str) -> bool:
    """Tell whether digits have the form of an ID number: a day of birth, and of eighteen the right check digit.

    >>> is_id_number("000000199001011232"), is_id_number("000000199001011239"), is_id_number("350524900101123")
    (False, False, True)
    """
    born = text[6:14] if len(text) == 18 else f"19{text[6:12]}"
    try:
        birth = date(int(born[:4]), int(born[4:6]), int(born[6:]))
    except ValueError:
        return False
    if len(text) == 15:
        return True
    total = sum(weight * int(sign) for weight, sign in zip(_WEIGHTS, text, strict=False))
    return 1900 <= birth.year <= 2100 and text[-1].upper() == "10X98765432"[total % 11]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def inspect_file(path: Path, watch: Watch, *, name: str = "") -> list[str]:
    """Return what must not leave of one file, a line each: the file, where in it, what kind; the value only in part.

    `name` is the file's path as it is told, and says by its first folder whether it is a township's own paper.
    """
    name = name or path.name
    desk = name.split("/")[0] in DESKS
    data = path.read_bytes()
    found: dict[tuple[str, str], str] = {}
    try:
        for where, text in (("文件名", name), *texts(name, data)):
            for kind, what in watch.leaks(text, desk=desk):
                found.setdefault((kind, what), where)
    except ValueError:
        return [f"{name}：打不开，无法检查"]
    if found and path.suffix.lower() == ".xlsx":
        found = {key: _cell(data, key[1]) or where for key, where in found.items()}
    return [f"{name}{f'（{where}）' if where else ''}：{kind} {_veiled(what)}" for (kind, what), where in found.items()]


def _inspect_in(tree: Path, watch: Watch, name: str) -> list[str]:
    return inspect_file(tree / name, watch, name=name)


def _veiled(what: str) -> str:
    """Return a value so that whoever looks for it knows it, and nobody else does."""
    return mask_phone(what) if "*" in mask_phone(what) else f"{what[:1]}…"


def _cell(data: bytes, what: str) -> str:
    """Return ``sheet!cell`` of a text in a workbook, or of its comment; empty where it stands in neither."""
    import openpyxl

    for sheet in openpyxl.load_workbook(BytesIO(data)):
        for row in sheet.iter_rows():
            for cell in row:
                if what in unicodedata.normalize("NFKC", str(cell.value)):
                    return f"{sheet.title}!{cell.coordinate}"
                if cell.comment is not None and what in unicodedata.normalize(
                    "NFKC", f"{cell.comment.text}{cell.comment.author}"
                ):
                    return f"{sheet.title}!{cell.coordinate} 批注"
    return ""


def inspect(tree: Path, watch: Watch, *, each: Callable[..., Iterable[list[str]]] = map) -> None:
    """Read everything of a tree that is about to be published; `each` is ``map``, or that of a pool of processes.

    Raises
    ------
    GateError
        Something must not leave; nothing is published then.
    """
    names = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
    found = [line for lines in each(partial(_inspect_in, tree, watch), names) for line in lines]
    if found:
        more = f"；等 {len(found)} 处" if len(found) > _TOLD else ""
        raise GateError(f"没有发布：成果里有不该带出的内容——{'；'.join(found[:_TOLD])}{more}。原有结果没有动。")
