"""Summaries: the tables that the county prints and submits, headed in Chinese: the area check, and 附件1 and 附件4 of all townships."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from originmap import gaps as gaps_of
from originmap import reconcile, seasons, vocab
from originmap.exports import masked
from originmap.findings import mask_phones
from originmap.growers import PARTS
from originmap.rounds import Round
from originmap.subjects import normal_name, standing

_AREAS: Final = ["baseline_mu", "registry_mu", "collected_mu", "gap_mu", *reconcile.TERM_COLUMNS]
_HEADS: Final = ["registry_heads", "collected_heads", "gap_heads", *[f"{name}_heads" for name in PARTS]]
AREA_NOTES: Final = (
    "差额 = 附件5底数 − 采集面积 = 未入名录 + 规模以下 + 漏采 + 无法识别 − 面积不一致 − 名录外（精确到 0.01 亩）。",
    "未入名录含口径差异，待核；名录中没有面积的主体不计入名录面积；待核的疑似同名按没有对上计。收购商不计。",
)
HERD_NOTES: Final = (
    "差额 = 名录存栏 − 采集存栏 = 规模以下 + 漏采 + 无法识别 − 数量不一致 − 名录外；多个月的同一群按最近一月。",
    "附件5 不含畜禽，没有底数可核；头、只不相加。收购商不计。",
)


def area_table(
    round_: Round, gaps: pd.DataFrame, totals: pd.DataFrame, *, explanations: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, int]:
    """Return the area check 面积核对表 (domain.md 9c) and how many of its last rows are totals.

    Parameters
    ----------
    round_, gaps
        The round and what ``reconcile.planting_area`` gave; of no rows, the totals stand alone.
    totals
        All of what ``reconcile.planting_area`` gave: the county's rows sum the townships whose baseline and collected area are known; where fewer
        have a registry too, a second row a crop sums those, for only there do the terms add up.
    explanations
        What ``gaps.explanations`` gave; by default what the round was opened with.
    """
    said = gaps_of.explanations(round_) if explanations is None else explanations
    rows = gaps[["township_code", "township", "product", *_AREAS, "gap_status"]]
    rows = rows.merge(said, on=["township_code", "product"], how="left", validate="1:1")
    rows["gap_status"] = rows["gap_status"].map(vocab.codes("gap_status"))
    county, whole = reconcile.county(totals), reconcile.county_terms(totals)
    parts = []
    for one, other in zip(county.to_dict("records"), whole.to_dict("records"), strict=True):
        k, k_whole, of = one["known_townships"], other["known_townships"], one["townships"]
        parts.append({**(other if k == k_whole else one), "township": "全县合计", "gap_status": f"{k}/{of} 个乡镇"})
        if k != k_whole and k_whole:
            parts.append({**other, "township": "其中名录齐全", "gap_status": f"{k_whole}/{of} 个乡镇"})
    columns = ["township", "product", *_AREAS, "gap_status", "explanation", "verified"]
    table = pd.concat([rows.reindex(columns=columns), pd.DataFrame(parts).reindex(columns=columns)], ignore_index=True)
    table = table.astype(dict.fromkeys(_AREAS, "float64"))
    # Room to write in, not an unknown figure.
    blank = {name: table[name].fillna("").astype("str") for name in ("explanation", "verified")}
    return _headed(table.assign(**blank), round_), len(parts)


def herd_table(round_: Round, herds: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the same check of livestock 存栏核对表, registry against collection, from ``reconcile.livestock``; the last rows are the county's."""
    columns = ["township", "product", "size_unit", *_HEADS]
    units = {code: vocab.code("size_unit", product.unit) for code, product in round_.rules.products.items()}
    known = herds[herds["registry_heads"].notna() & herds["collected_heads"].notna()]
    totals = []
    for product in dict.fromkeys(herds["product"]):
        own = known[known["product"] == product]
        totals.append(
            {
                "township": f"全县合计（{len(own)}/{len(round_.places.names)} 个乡镇）",
                "product": product,
                **own[_HEADS].sum(min_count=1),
            }
        )
    table = pd.concat([herds, pd.DataFrame(totals)], ignore_index=True)
    table = table.assign(size_unit=table["product"].map(units))[columns].astype(dict.fromkeys(_HEADS, "float64"))
    return _headed(table, round_), len(totals)


def collection_table(round_: Round) -> tuple[pd.DataFrame, int]:
    """Return 附件1 of all townships as the county submits it: every accepted row in the notice's order of fields, subtotals a product, the total last.

    Growers' phones are masked. Subtotals count growers, and sizes by the rules' measure, never buyers; 亩, 头 and 只 are never added up.
    """
    records = masked(pd.DataFrame(round_.records[round_.records["status"] == "accepted"].drop(columns="geometry")))
    point = [
        f"{lon:.6f},{lat:.6f}" if pd.notna(lon) else None
        for lon, lat in zip(records["lon"], records["lat"], strict=True)
    ]
    windows = records["market_windows"].map(seasons.windows_text, na_action="ignore")
    records = records.assign(
        point=pd.Series(point, index=records.index, dtype="str"), market_window=windows.astype("str")
    )
    fields = (
        "township village subject_name subject_type contact_name contact_phone product size_value size_unit base_address point market_window "
        "production_mode trace_methods credit_grade supervisor_name supervisor_phone collector_name collector_phone"
    ).split()
    return _listed(round_, records, fields, _collected_totals(round_))


def registry_table(round_: Round) -> tuple[pd.DataFrame, int]:
    """Return 附件4 of all townships as the county submits it: every usable row, subtotals a product, the total last; phones are masked."""
    rows = masked(round_.registry[round_.registry["status"] == "accepted"])
    fields = "township village subject_name subject_type contact_name contact_phone product size_value size_unit base_address".split()
    growing = rows[rows["subject_type"] != "buyer"]
    return _listed(round_, rows, fields, growing.groupby("product")["size_value"].sum(min_count=1).round(2).to_dict())


def _listed(
    round_: Round, rows: pd.DataFrame, fields: Sequence[str], sizes: Mapping[Any, float]
) -> tuple[pd.DataFrame, int]:
    """Return rows numbered, in the order of products, townships and subjects, then a subtotal a product, and the total last."""
    products = list(round_.rules.products)
    rank = rows["product"].map({code: at for at, code in enumerate(products)})
    order = rows.assign(rank=rank).sort_values(["rank", "township_code", "subject_name", "record_id"], kind="stable")
    subject = order["township_code"] + normal_name(order["subject_name"], round_.places)
    grows = order["subject_type"] != "buyer"
    units = {code: product.unit for code, product in round_.rules.products.items()}
    ends = []
    for product in [code for code in products if (order["product"] == code).any()]:
        count = subject[grows & (order["product"] == product)].nunique()
        ends.append({"township": "小计", "subject_name": f"{count} 个主体", "product": product,
                     "size_value": sizes.get(product), "size_unit": units[product]})  # fmt: skip
    buyers = subject[~grows].nunique()
    said = f"{subject[grows].nunique()} 个主体" + (f"，另收购商 {buyers} 个" if buyers else "")
    ends.append({"township": "合计", "subject_name": said})
    table = pd.concat([order[list(fields)], pd.DataFrame(ends).reindex(columns=list(fields))], ignore_index=True)
    for name in ("subject_type", "production_mode", "credit_grade", "size_unit"):
        if name in table:
            table[name] = table[name].map(vocab.codes(name)).astype("str")
    if "trace_methods" in table:
        words = vocab.codes("trace_methods")
        table["trace_methods"] = (
            table["trace_methods"]
            .map(lambda text: "、".join(words[code] for code in text.split(";")), na_action="ignore")
            .astype("str")
        )
    if "base_address" in table:
        table["base_address"] = mask_phones(table["base_address"])
    # What a subtotal or a blank cell does not say stays blank in a list that is handed on: it is no unknown figure.
    texts = [name for name in fields if name != "size_value"]
    table = table.assign(**{name: table[name].fillna("").astype("str") for name in texts})
    number = [str(at + 1) if at < len(order) else "" for at in range(len(table))]
    table = table.assign(size_value=table["size_value"].astype("float64"))
    headed = _headed(table, round_)
    headed.insert(0, "序号", pd.Series(number, index=headed.index, dtype="str"))
    return headed, len(ends)


def _collected_totals(round_: Round) -> dict[str, float]:
    growing = reconcile.accepted(round_)
    measure = str(round_.rules["reconcile"]["area_measure"])
    area = standing(growing[growing["area_mu"].notna()], ["product"], measure=measure)
    heads = standing(growing[growing["area_mu"].isna()], ["product"], value="head_count")
    return {str(product): float(size) for product, size in pd.concat([area, heads]).items()}


def _headed(table: pd.DataFrame, round_: Round) -> pd.DataFrame:
    names = {code: product.name for code, product in round_.rules.products.items()}
    table = table.assign(product=table["product"].map(names).fillna(""))
    return table.rename(columns={name: vocab.label(name) for name in table.columns})
