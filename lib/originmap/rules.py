"""The rules file: products, thresholds, dates, tolerances, limits, all of it data that an analyst may edit."""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"

CHOICE_FIELDS = ("subject_type", "production_mode", "trace_methods", "credit_grade")


class RulesError(ValueError):
    """A rules file that cannot be used; the message says which entry and what it should be."""


@dataclass(frozen=True)
class Product:
    """One watched product (notice, section 1): names, unit, threshold and dates.

    `threshold` and `plausible` are in `unit` (mu, head or bird); `noted_aliases` maps a doubtful name to the severity
    of the finding that accepts it.
    """

    code: str
    name: str
    name_en: str
    kind: Literal["crop", "livestock"]
    unit: Literal["mu", "head", "bird"]
    threshold: float
    report_by: date
    upload_by: date
    plausible: tuple[float, float]
    colour: str
    aliases: tuple[str, ...] = ()
    noted_aliases: Mapping[str, str] | None = None
    baseline: bool = False

    @property
    def due_from(self) -> date:
        """The first of the month of its report date: before it the product is `not_due` (domain practice)."""
        return date(self.report_by.year, self.report_by.month, 1)

    @property
    def report_deadline(self) -> datetime:
        """The last moment that is on time: the hour that the rules give, else the end of the day."""
        return _deadline(self.report_by)

    @property
    def upload_deadline(self) -> datetime:
        """The same for the national platform."""
        return _deadline(self.upload_by)

    def label(self, lang: str = "zh") -> str:
        """Return the product's name for people."""
        return self.name if lang == "zh" else self.name_en


# eq=False: compared and hashed by identity, so that what is derived from rules can be cached.
@dataclass(frozen=True, eq=False)
class Rules:
    """Everything configurable, read by `load_rules`; `source` is the plain tree it was made from."""

    products: Mapping[str, Product]
    units: Mapping[str, Mapping[str, float]]
    choices: Mapping[str, Mapping[str, str]]
    headers: Mapping[str, Any]
    source: Mapping[str, Any]
    reference: Path = REFERENCE

    def __getitem__(self, section: str) -> Mapping[str, Any]:
        """Return a plain section of the file, such as ``rules["reconcile"]``."""
        value: Mapping[str, Any] = self.source[section]
        return value

    @property
    def crops(self) -> list[str]:
        """Codes of the products measured in 亩, in the file's order."""
        return [code for code, product in self.products.items() if product.kind == "crop"]

    @property
    def baseline_products(self) -> list[str]:
        """Codes of the products that the planting-area table (附件5) has a column for."""
        return [code for code, product in self.products.items() if product.baseline]

    def product_names(self) -> dict[str, str]:
        """Return ``{name or alias: product code}``, doubtful aliases included."""
        names: dict[str, str] = {}
        for product in self.products.values():
            for name in (product.name, *product.aliases, *(product.noted_aliases or {})):
                if names.setdefault(name, product.code) != product.code:
                    msg = f"规则文件：“{name}”同时属于两个产品（{names[name]}、{product.code}），请只留一个。"
                    raise RulesError(msg)
        return names


def _deadline(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time.max.replace(microsecond=0))


def overlay(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `extra` laid over it entry by entry; a list or a plain value is replaced whole.

    >>> overlay({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    merged = dict(base)
    for key, value in extra.items():
        old = merged.get(key)
        merged[key] = overlay(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises RulesError naming the file when it is missing or not TOML."""
    try:
        # utf-8-sig: Windows' Notepad puts a mark in front.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        msg = f"找不到规则文件：{path}"
        raise RulesError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"规则文件 {path.name} 不是有效的 TOML：{error}"
        raise RulesError(msg) from error


def load_rules(
    *files: Path | str, reference: Path | str = REFERENCE, settings: Mapping[str, Any] | None = None
) -> Rules:
    """Read the rules of a reference folder, lay `files` over them in order, then `settings` (a round's own).

    Parameters
    ----------
    files
        Further rules files, each laid over what stands before it.
    reference
        Folder with ``rules.toml``, ``headers.toml``, ``townships.csv``, ``villages.csv`` and the boundaries.
    settings
        Entries of a ``round.toml`` that override rules.

    Raises
    ------
    RulesError
        A file is missing, is not TOML, or an entry is missing or of the wrong type; the message names it.
    """
    folder = Path(reference)
    tree = read_toml(folder / "rules.toml")
    tree["headers"] = read_toml(folder / "headers.toml")
    for name, extra in [*((Path(file).name, read_toml(Path(file))) for file in files), ("round.toml", settings or {})]:
        _fits(tree, extra, name)
        tree = overlay(tree, extra)
    headers = tree.pop("headers")
    for section in (
        "county",
        "products",
        "units",
        "choices",
        "not_products",
        "reconcile",
        "places",
        "judging",
        "ledgers",
        "progress",
        "matching",
        "classes",
        "basemaps",
        "returns",
        "limits",
    ):
        if section not in tree:
            msg = f"规则文件缺少 [{section}] 一节。"
            raise RulesError(msg)
    products = {code: _product(code, entry) for code, entry in tree["products"].items()}
    choices = {field: _choices(field, tree["choices"].get(field)) for field in CHOICE_FIELDS}
    rules = Rules(products, tree["units"], choices, headers, tree, folder)
    rules.product_names()
    level, measure = tree["reconcile"].get("threshold_level"), tree["reconcile"].get("area_measure")
    if level not in ("subject", "plot"):
        msg = f'规则文件 reconcile.threshold_level 应为 "subject" 或 "plot"，现为 {level!r}。'
        raise RulesError(msg)
    if measure not in ("standing", "sown"):
        msg = f'规则文件 reconcile.area_measure 应为 "standing" 或 "sown"，现为 {measure!r}。'
        raise RulesError(msg)
    _judging(tree["judging"], rules)
    _progress(tree["progress"])
    _matching(tree["matching"])
    return rules


# Where a rules file may name things of its own: products, units, words.
_OPEN = (
    "products",
    "units",
    "choices",
    "places.tolerance_m",
    "headers.kinds",
    "headers.fields",
    "classes",
    "basemaps",
    "judging.scales",
    "matching.forms",
)


def _fits(base: Mapping[str, Any], extra: Mapping[str, Any], file: str, path: str = "") -> None:
    """Raise RulesError for an entry of `extra` that `base` does not know or that is of another type."""
    for key, value in extra.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in base:
            if path.startswith(_OPEN):
                continue
            near = difflib.get_close_matches(str(key), [str(name) for name in base], n=1)
            hint = f"，是否想写 {near[0]}？" if near else f"；这里可写：{'、'.join(map(str, base))}。"
            msg = f"{file}：不认识的条目 {where}{hint}"
            raise RulesError(msg)
        old = base[key]
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            _fits(old, value, file, where)
        elif _kind(old) != _kind(value) and not (isinstance(old, date) and isinstance(value, date)):
            msg = f"{file}：{where} 应为{_kind(old)}，现为 {value!r}。"
            raise RulesError(msg)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "真假值（true、false）"
    if isinstance(value, (int, float)):
        return "数" if math.isfinite(value) else "无穷或非数"
    if isinstance(value, list):
        inner = {_kind(item) for item in value}
        return f"{inner.pop()}的列表" if len(inner) == 1 else "列表"
    names = {str: "文字", Mapping: "表", datetime: "日期时间", date: "日期"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), type(value).__name__)


def _product(code: str, entry: Mapping[str, Any]) -> Product:
    kinds: dict[str, type | tuple[type, ...]] = {
        "name": str,
        "name_en": str,
        "kind": str,
        "unit": str,
        "threshold": (int, float),
        "report_by": date,
        "upload_by": date,
        "plausible": list,
        "colour": str,
    }
    for key, kind in kinds.items():
        if not isinstance(entry.get(key), kind) or isinstance(entry.get(key), bool):
            msg = f"规则文件 products.{code}.{key} 缺少或类型不对（现为 {entry.get(key)!r}）。"
            raise RulesError(msg)
    unit_kind = "crop" if entry["unit"] == "mu" else "livestock"
    if entry["unit"] not in ("mu", "head", "bird") or entry["kind"] != unit_kind:
        msg = f"规则文件 products.{code}：unit 应为 mu（kind = crop）、head 或 bird（kind = livestock）。"
        raise RulesError(msg)
    low_high = entry["plausible"]
    if (
        not (len(low_high) == 2 and all(isinstance(edge, (int, float)) for edge in low_high))
        or low_high[0] > low_high[1]
    ):
        msg = f"规则文件 products.{code}.plausible 应为两个数 [最小, 最大]，现为 {low_high!r}。"
        raise RulesError(msg)
    if not isinstance(entry.get("aliases", []), list) or not isinstance(entry.get("noted_aliases", {}), Mapping):
        msg = f"规则文件 products.{code}：aliases 应为列表，noted_aliases 应为表。"
        raise RulesError(msg)
    unknown = set(entry) - set(Product.__dataclass_fields__)
    if unknown:
        msg = f"规则文件 products.{code} 有不认识的条目：{'、'.join(sorted(unknown))}。"
        raise RulesError(msg)
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Product(code=code, **fields)


_JUDGING_NUMBERS = (
    "column_rows near_text collected_months_back shared_phone_subjects shared_point_subjects seat_m pasted_rows peers "
    "peer_limit peer_near peer_spread sheet_rows sheet_limit sheet_near"
).split()


def _judging(entry: Mapping[str, Any], rules: Rules) -> None:
    """Raise RulesError where `[judging]` lacks a number or names a type or trace method that is no choice."""
    for name in _JUDGING_NUMBERS:
        value = entry.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
            msg = f"规则文件 judging.{name} 应为正数，现为 {value!r}。"
            raise RulesError(msg)
    lists = {"placeholders": entry.get("placeholders"), **_tables(entry, "name_says"), **_tables(entry, "traces")}
    for name, words in lists.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            msg = f"规则文件 judging.{name} 应为文字的列表，现为 {words!r}。"
            raise RulesError(msg)
    for name, used in (
        ("name_says", list(_tables(entry, "name_says"))),
        ("traces", [code for codes in _tables(entry, "traces").values() for code in codes]),
    ):
        field = "subject_type" if name == "name_says" else "trace_methods"
        unknown = sorted(set(used) - set(rules.choices[field].values()))
        if unknown:
            msg = f"规则文件 judging.{name} 有不认识的选项：{'、'.join(unknown)}；可写：{'、'.join(dict.fromkeys(rules.choices[field].values()))}。"
            raise RulesError(msg)
    for unit, scales in _tables(entry, "scales").items():
        if unit not in rules.units or not all(isinstance(factor, float) and factor > 0 for factor in scales.values()):
            msg = f"规则文件 judging.scales.{unit} 应为 units 中的一种单位，其值为正数，现为 {scales!r}。"
            raise RulesError(msg)


def _progress(entry: Mapping[str, Any]) -> None:
    """Raise RulesError where `[progress]` lacks a number or weighs something that is no part of the ranking."""
    months, weights = entry.get("stale_months"), entry.get("weights")
    if not isinstance(months, int) or isinstance(months, bool) or months < 0:
        msg = f"规则文件 progress.stale_months 应为不小于 0 的整数，现为 {months!r}。"
        raise RulesError(msg)
    if not isinstance(entry.get("upload_template"), str):
        msg = f'规则文件 progress.upload_template 应为文件名，没有就写 ""，现为 {entry.get("upload_template")!r}。'
        raise RulesError(msg)
    moved = entry.get("moved_m")
    if not isinstance(moved, (int, float)) or isinstance(moved, bool) or not 0 < moved < math.inf:
        msg = f"规则文件 progress.moved_m 应为正数，现为 {moved!r}。"
        raise RulesError(msg)
    parts = ("timeliness", "completeness", "correctness")
    fits = isinstance(weights, Mapping) and set(weights) == set(parts)
    if not fits or not all(isinstance(weights[name], (int, float)) and 0 <= weights[name] < math.inf for name in parts):  # type: ignore[index]
        msg = f"规则文件 progress.weights 应为 {'、'.join(parts)} 三个不小于 0 的数，现为 {weights!r}。"
        raise RulesError(msg)
    if sum(weights[name] for name in parts) <= 0:  # type: ignore[index]
        msg = "规则文件 progress.weights 不能全为 0。"
        raise RulesError(msg)


def _matching(entry: Mapping[str, Any]) -> None:
    """Raise RulesError where `[matching]` lacks a limit or holds one that means nothing."""
    limits = {"likeness": (1, 100), "contact": (0, 100), "review": (0, 100)}
    counts = {"edits": (0, 4), "candidates": (1, 1000), "phone_subjects": (1, 1000)}
    for name, (low, high) in (limits | counts).items():
        value = entry.get(name)
        kinds = (int,) if name in counts else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            msg = f"规则文件 matching.{name} 应为 {low} 到 {high} 之间的{'整' if name in counts else ''}数，现为 {value!r}。"
            raise RulesError(msg)
    weights = _tables(entry, "weights", "matching")
    parts = [weights.get(name) for name in ("name", "phone", "village")]
    if any(
        isinstance(part, bool) or not isinstance(part, (int, float)) or not 0 <= part < math.inf for part in parts
    ) or not any(parts):
        msg = (
            f"规则文件 matching.weights 的 name、phone、village 应为不小于 0 的数，且不全为 0，现为 {dict(weights)!r}。"
        )
        raise RulesError(msg)
    words = {"trades": entry.get("trades"), **_tables(entry, "forms", "matching")}
    for name, some in words.items():
        if not isinstance(some, list) or not all(isinstance(word, str) and word for word in some):
            msg = f"规则文件 matching.{name} 应为文字的列表，现为 {some!r}。"
            raise RulesError(msg)
    alike = entry.get("alike_sounds")
    if not isinstance(alike, list) or not all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(one, str) and re.fullmatch("[a-zü]+", one) for one in pair)
        for pair in alike
    ):
        msg = f'规则文件 matching.alike_sounds 应为 ["zh", "z"] 这样的列表，现为 {alike!r}。'
        raise RulesError(msg)


def _tables(entry: Mapping[str, Any], name: str, section: str = "judging") -> Mapping[str, Any]:
    table = entry.get(name)
    if not isinstance(table, Mapping):
        msg = f"规则文件缺少 [{section}.{name}] 一节。"
        raise RulesError(msg)
    return table


def _choices(field: str, entry: object) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        msg = f"规则文件缺少 [choices.{field}] 一节。"
        raise RulesError(msg)
    return {form: code for code, forms in entry.items() for form in (code, *forms)}
