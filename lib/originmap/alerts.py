"""Alerts: what needs somebody today: what it is, since when, whom to call and what closes it (notice: 采集不及时、更新不及时、信息明显有误)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from originmap import matching, vocab
from originmap.findings import RULES
from originmap.kept import worked_out
from originmap.progress import responsible, spoken_day, status
from originmap.receipts import proposed
from originmap.rounds import Round
from originmap.subjects import normal_name

ALERT_COLUMNS: Final = [
    "alert",
    "township_code",
    "township",
    "product",
    "what",
    "since",
    "call",
    "closes",
    "count",
    "cells",
]
CHASE_HEADER: Final = ["序号", "事项", "品种", "情况", "自何时起", "怎样算了结", "出处", "县里联系人"]
_KEY: Final = ["township_code", "product"]
_PLACE: Final = ("source_file", "source_sheet", "source_row")
_SHOWN_CELLS: Final = 3
_COUNTY: Final = "全县"
# What closes each; a township does what the sentence says.
_CLOSES: Final[Mapping[str, str]] = {
    "not_submitted": "报来采集表，或写明零报告",
    "late": "已收到，无需再报；记入按时率",
    "unread": "换成能读取的表格重报",
    "unregistered": "在收件登记里写明收到时间和登记人",
    "not_uploaded": "录入平台后，发来新的平台导出",
    "upload_unknown": "取得平台导出，或按乡镇、品种填写已录入数",
    "livestock_stale": "报来本月的存栏和采集日期",
    "collected_late": "说明为何上市后才采集；下一茬移栽时采集",
    "crop_past": "报来新的一茬，或写明不再种",
    "registered_missing": "补采附件1，或更正名录",
    "zero_against_baseline": "核实后报来采集表，或说明为何是零",
    "values_wrong": "按更正表改好，连同原表交回",
    "vanished": "说明去向：停种停养、改名，或漏报",
    "changed": "核实变化是否属实",
    "no_lead": "补报牵头负责人",
    "no_keeper": "补报具体责任人",
    "contact_changed": "核对新旧联系人，旧的停用",
}


def alerts(
    round_: Round,
    found: pd.DataFrame | None = None,
    *,
    changes: pd.DataFrame | None = None,
    before: Round | None = None,
) -> pd.DataFrame:
    """Return everything that needs somebody, with `ALERT_COLUMNS`, the county's own first, then by township and product.

    Parameters
    ----------
    found
        As ``progress.status`` gives it; worked out where it is not given.
    changes
        Against the round before, as ``changes.changes`` gives them; without them nothing is said of subjects that vanished or changed.
    before
        The round before; without it nothing is said of contacts that changed.

    Returns
    -------
    `alert` is a code of the vocabulary, `since` a moment (NaT where nobody can tell), `call` the person and phone, `count` how many subjects,
    rows or files, `cells` the first of their cells. `township_code` and `product` are NA where an alert is the county's, or about no product.
    """
    states = status(round_) if found is None else found
    given = ["alerts", *(None if each is None else each.astype("object").to_dict("list") for each in (states, changes))]
    of = [each.digest for each in (round_, before) if each is not None]
    return worked_out(lambda: _alerts(round_, states, changes, before), *given, of=of)


def _alerts(round_: Round, states: pd.DataFrame, changes: pd.DataFrame | None, before: Round | None) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    standing = _standing(round_)
    for part in (
        _submissions(states),
        _uploads(round_, states),
        _stale(round_, standing),
        _crops(round_, standing),
        _missing(round_, states, standing),
        _zero(round_, states),
        _wrong(round_, states),
        _changed(changes),
        _contacts(round_),
        _new_contacts(round_, before),
        _unregistered(round_),
    ):
        rows.extend(part)
    frame = pd.DataFrame(rows, columns=[name for name in ALERT_COLUMNS if name not in ("township", "call", "closes")])
    texts = ["alert", "township_code", "product", "what", "cells"]
    frame[texts] = frame[texts].astype("str")
    frame["since"] = frame["since"].astype("datetime64[s]")
    frame["count"] = frame["count"].astype("Int64")
    frame["township"] = frame["township_code"].map(round_.places.names).astype("str").fillna(_COUNTY)
    frame["closes"] = frame["alert"].map(dict(_CLOSES)).astype("str")
    pairs = list(zip(frame["township_code"], frame["product"], strict=True))
    known = {
        (town, product): responsible(round_, town if isinstance(town, str) else None, product if isinstance(product, str) else "")
        for town, product in dict.fromkeys((str(town) if isinstance(town, str) else None, str(product) if isinstance(product, str) else None)
                                           for town, product in pairs)
    }  # fmt: skip
    whom = [
        known[town if isinstance(town, str) else None, product if isinstance(product, str) else None]
        for town, product in pairs
    ]
    frame["call"] = pd.Series(whom, index=frame.index, dtype="str").mask(lambda text: text == "")
    order = {name: at for at, name in enumerate(_CLOSES)}
    products = {name: at for at, name in enumerate(round_.rules.products)}
    frame = frame.assign(
        a=frame["township_code"].fillna(""), b=frame["alert"].map(order), c=frame["product"].map(products).fillna(-1)
    ).sort_values(["a", "b", "c", "since", "what"], kind="stable", ignore_index=True)
    return frame[ALERT_COLUMNS]


def _row(
    alert: str, town: object, product: object, what: str, since: object, count: int, cells: str = ""
) -> dict[str, Any]:
    return {
        "alert": alert,
        "township_code": town,
        "product": product,
        "what": what,
        "since": since,
        "count": count,
        "cells": cells,
    }


def _submissions(states: pd.DataFrame) -> Iterable[dict[str, Any]]:
    for row in states.itertuples():
        if row.timeliness == "overdue":
            yield _row("not_submitted", row.township_code, row.product, "期限已过，没有报来", row.report_by, 1)
        if row.timeliness == "late":
            first = row.received_at if isinstance(row.received_at, pd.Timestamp) and pd.notna(row.received_at) else None
            said = (
                f"{first.month}月{first.day}日 {first:%H:%M} 收到，已过期限" if first is not None else "收到时已过期限"
            )
            yield _row("late", row.township_code, row.product, said, row.report_by, 1)
        if row.progress == "unread":
            yield _row("unread", row.township_code, row.product, "来了件，读不出这个品种", row.received_at, 1)


def _uploads(round_: Round, states: pd.DataFrame) -> Iterable[dict[str, Any]]:
    over = states[(states["upload_by"] < pd.Timestamp(round_.as_of)) & (states["progress"] == "reported")]
    for row in over[over["not_uploaded"].fillna(0) > 0].itertuples():
        basis = vocab.code("upload_basis", row.upload_basis)
        said = f"采集 {row.records} 条，平台已录入 {row.uploaded} 条，未录入 {row.not_uploaded} 条（{basis}）"
        yield _row("not_uploaded", row.township_code, row.product, said, row.upload_by, int(row.not_uploaded))
    unknown = over[over["uploaded"].isna()]
    if len(unknown):
        said = f"{unknown['township_code'].nunique()} 个乡镇 {len(unknown)} 个品种已过录入期限，平台录入情况没有数据"
        yield _row("upload_unknown", None, None, said, unknown["upload_by"].min(), len(unknown))


def _standing(round_: Round) -> pd.DataFrame:
    """Return the rows that stand for somebody: accepted or waiting, no buyers; `subject` is the name for comparison."""
    rows = pd.DataFrame(round_.records.drop(columns="geometry"))
    rows = rows[rows["status"].isin(["accepted", "quarantined"]) & (rows["subject_type"] != "buyer")]
    rows = rows[rows["township_code"].notna() & rows["product"].notna()]
    return rows.assign(subject=normal_name(rows["subject_name"], round_.places))


def _cells(round_: Round, part: pd.DataFrame, field: str, product: str) -> str:
    places = sorted(zip(*(part[name] for name in _PLACE), strict=True))
    listed = [
        round_.cell({**dict(zip(_PLACE, place, strict=True)), "product": product}, field)
        for place in places[:_SHOWN_CELLS]
    ]
    return "；".join(listed) + (f" 等 {len(part)} 处" if len(part) > len(listed) else "")


def _grouped(
    round_: Round, rows: pd.DataFrame, alert: str, field: str, said: Callable[[pd.DataFrame], str], since: str
) -> Iterable[dict[str, Any]]:
    moments = pd.to_datetime(rows[since])
    # A row has sixty columns, and every group of them is a frame of its own.
    narrow = rows[[name for name in (*_KEY, *_PLACE, "subject", "subject_name", "day") if name in rows]]
    for (town, product), part in narrow.groupby(_KEY, sort=True):
        first, count = moments[part.index].min(), int(part["subject"].nunique())
        yield _row(alert, town, product, said(part), first, count, _cells(round_, part, field, product))


def _names(part: pd.DataFrame) -> str:
    names = part.drop_duplicates("subject")["subject_name"].dropna().tolist()
    return "、".join(names[:_SHOWN_CELLS]) + (f" 等 {len(names)} 个主体" if len(names) > _SHOWN_CELLS else "")


def _stale(round_: Round, rows: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Livestock with nothing dated in the month of `as_of` or so many before; a row without a date is of its round's month."""
    heads = [code for code, product in round_.rules.products.items() if product.kind == "livestock"]
    rows = rows[rows["product"].isin(heads)]
    months = int(round_.rules["progress"]["stale_months"])
    oldest = (pd.Period(round_.as_of, "M") - months).strftime("%Y-%m")
    month = rows["collected_on"].str[:7].fillna(rows["round"])
    latest = month.groupby([rows["township_code"], rows["product"], rows["subject"]]).transform("max")
    stale = rows.assign(day=rows["collected_on"].fillna(rows["round"] + "-01"))[latest < oldest]
    return _grouped(round_, stale, "livestock_stale", "collected_on",
                    lambda part: f"最近的采集是 {part['day'].max()[:7]}：{_names(part)}", "day")  # fmt: skip


def _crops(round_: Round, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Crops collected after their market start, and crops past their window with no newer cropping."""
    crops = round_.rules.crops
    rows = rows[rows["product"].isin(crops) & rows["market_from"].notna()]
    after = rows[rows["collected_on"].notna() & (rows["collected_on"] > rows["market_from"])]
    late = _grouped(round_, after, "collected_late", "collected_on", lambda part: f"上市开始后才采集，应在移栽时：{_names(part)}", "market_from")  # fmt: skip
    today = f"{round_.as_of:%Y-%m-%d}"
    ended = rows[rows["market_to"].notna()]
    last = ended.groupby(["township_code", "product", "subject", "plot_key"])["market_to"].transform("max")
    over = ended[(last < today) & (ended["market_to"] == last)]
    past = _grouped(round_, over, "crop_past", "market_window", lambda part: f"上市期已过，没有新的一茬：{_names(part)}", "market_to")  # fmt: skip
    return [*late, *past]


def _missing(round_: Round, states: pd.DataFrame, standing: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Yield who is registered at or above the threshold and not collected, where the township spoke of the product (漏采)."""
    listed = round_.registry
    listed = listed[
        (listed["status"] == "accepted")
        & (listed["subject_type"] != "buyer")
        & listed["in_scope"].fillna(value=False).astype(bool)
    ]
    listed = listed.assign(subject=normal_name(listed["subject_name"], round_.places)).dropna(subset=[*_KEY, "subject"])
    spoke = states[states["progress"] == "reported"]
    listed = listed.merge(spoke[[*_KEY, "report_by"]], on=_KEY, how="inner", validate="m:1")
    if listed.empty:
        return []
    left = matching.subjects(listed, round_.places)
    right = matching.subjects(standing, round_.places)
    # When a verdict was taken is nothing to the pairs, and its column's name is one that they use themselves.
    verdicts = matching.decided(round_.decisions) if len(round_.decisions) else None
    pairs = matching.match(left, right, round_.rules, verdicts=verdicts)
    # A pair that waits for a person is no proof that somebody is missing.
    open_ones = left[matching.status(left, pairs, side="left") == "unmatched"]
    gone = listed.merge(open_ones[[*_KEY, "subject"]], on=[*_KEY, "subject"], how="inner", validate="m:1")
    gone["since"] = gone["report_by"].where(gone["report_by"] < pd.Timestamp(round_.as_of))
    return _grouped(round_, gone, "registered_missing", "subject_name",
                    lambda part: f"名录里达到规模、附件1里没有：{_names(part)}", "since")  # fmt: skip


def _zero(round_: Round, states: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Yield zero reports against an area in the planting-area table, or against registered subjects in scope."""
    listed = round_.registry[(round_.registry["status"] == "accepted") & (round_.registry["subject_type"] != "buyer")]
    counts = listed[listed["in_scope"].fillna(value=False).astype(bool)].groupby(_KEY)["subject_name"].nunique()
    table = round_.planting_area.set_index(_KEY)
    for row in states[states["progress"] == "zero"].itertuples():
        key = (row.township_code, row.product)
        area = float(table["area_mu"].get(key, 0) or 0) if key in table.index else 0.0
        said = [f"附件5有 {area:g} 亩"] if area > 0 else []
        said += [f"名录有 {counts[key]} 个达到规模的主体"] if key in counts.index else []
        if said:
            spot = table.loc[key] if area > 0 else None
            cell = f"{spot['source_file']}〔{spot['source_sheet']}〕{spot['source_cell']}" if spot is not None else ""
            yield _row("zero_against_baseline", *key, f"报了零，但{'，'.join(said)}", row.received_at, 1, cell)


def _wrong(round_: Round, states: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Values clearly wrong: rows with an error that blocks them or loses a value."""
    names = pd.DataFrame(round_.records[["record_id", "township_code", "product"]])
    errors = round_.findings[(round_.findings["severity"] == "error") & (round_.findings["record_id"] != "")]
    errors = errors.merge(names.drop_duplicates("record_id"), on="record_id", how="inner", validate="m:1")
    came = states.set_index(_KEY)["received_at"]
    for (town, product), part in errors[errors["township_code"].notna()].groupby(_KEY, sort=True, dropna=False):
        counts = part["rule"].value_counts(sort=False)
        kinds = "、".join(
            f"{RULES[rule].zh.format(value='…', proposal='…', detail='…')} {count} 处" for rule, count in counts.items()
        )
        spots = part["file"] + "〔" + part["sheet"] + "〕" + part["cell"]
        more = f" 等 {len(part)} 处" if len(part) > _SHOWN_CELLS else ""
        since = came.get((town, product), pd.NaT)
        yield _row(
            "values_wrong",
            town,
            product,
            kinds,
            since,
            int(part["record_id"].nunique()),
            "；".join(spots.head(_SHOWN_CELLS)) + more,
        )


def _changed(changes: pd.DataFrame | None) -> Iterable[dict[str, Any]]:
    """Subjects that vanished or changed since the round before."""
    if changes is None:
        return
    words = vocab.codes("change")
    for alert, kinds in (("vanished", ["gone"]), ("changed", ["grown", "shrunk", "moved", "renamed"])):
        rows = changes[changes["change"].isin(kinds)]
        for (town, product), part in rows.groupby(_KEY, sort=True):
            counts = "，".join(
                f"{words[kind]} {count}" for kind, count in part["change"].value_counts(sort=False).items()
            )
            people = list(dict.fromkeys(part["subject_before"].fillna(part["subject_after"])))
            said = "、".join(people[:_SHOWN_CELLS]) + (
                f" 等 {len(people)} 个主体" if len(people) > _SHOWN_CELLS else ""
            )
            cells = part["cell_before"].fillna(part["cell_after"]).head(_SHOWN_CELLS)
            yield _row(alert, town, product, f"与上一批次相比{counts}：{said}", pd.NaT, len(people), "；".join(cells))


def _contacts(round_: Round) -> Iterable[dict[str, Any]]:
    """County and townships without a lead or a keeper."""
    listed = round_.contacts
    named = listed[listed["name"].notna() | listed["phone"].notna()]
    have = set(named[["township_code", "role"]].fillna("").itertuples(index=False, name=None))
    source = f"{listed['round'].iat[0]} 批次的附件2" if len(listed) else "没有收到附件2"
    offices: Sequence[str] = ["", *round_.places.names]
    for alert, role in (("no_lead", "lead"), ("no_keeper", "keeper")):
        lacking = [code for code in offices if (code, role) not in have]
        if len(lacking) == len(offices):
            said = f"县和各乡镇都没有{vocab.code('role', role)}（{source}）"
            yield _row(alert, None, None, said, pd.NaT, len(lacking))
            continue
        for code in lacking:
            yield _row(alert, code or None, None, f"没有{vocab.code('role', role)}（{source}）", pd.NaT, 1)


def _new_contacts(round_: Round, before: Round | None) -> Iterable[dict[str, Any]]:
    """Duties that somebody else has now than in the round before."""
    if (
        before is None
        or round_.contacts.empty
        or before.contacts.empty
        or (round_.contacts["round"].iat[0] != round_.name)
    ):
        return
    key = ["township_code", "role", "products"]
    now, then = (
        each.contacts.assign(**{name: each.contacts[name].fillna("") for name in key})
        .groupby(key)["name"]
        .agg(lambda names: "、".join(sorted(names.dropna())))
        for each in (round_, before)
    )
    for (town, role, _), name in now.items():
        old = then.get((town, role, _))
        if old and name and old != name and role:
            cells = round_.contacts[
                round_.contacts["role"].eq(role) & round_.contacts["township_code"].fillna("").eq(town)
            ]
            spot = cells.iloc[0]
            at = f"{spot['source_file']}〔{spot['source_sheet']}〕{spot['source_cell']}"
            yield _row(
                "contact_changed", town or None, None, f"{vocab.code('role', role)}由{old}改为{name}", pd.NaT, 1, at
            )


def _unregistered(round_: Round) -> Iterable[dict[str, Any]]:
    """Files that no receipt names."""
    lines = proposed(round_.files, round_.receipts, round_.sheets, round_.places)
    if len(lines):
        more = f" 等 {len(lines)} 个" if len(lines) > _SHOWN_CELLS else ""
        said = f"{len(lines)} 个文件没有登记收件：{'、'.join(lines['文件'].head(_SHOWN_CELLS))}{more}"
        yield _row("unregistered", None, None, said, pd.NaT, len(lines))


def chase_list(round_: Round, found: pd.DataFrame, township_code: str) -> pd.DataFrame:
    """Return what a township is asked for 催办清单, out of `alerts`, with `CHASE_HEADER`; what is only on record (迟报) is left out."""
    names = {code: product.name for code, product in round_.rules.products.items()}
    here = found[(found["township_code"] == township_code) & (found["alert"] != "late")].reset_index(drop=True)
    since = [spoken_day(at.to_pydatetime(), round_.as_of) if pd.notna(at) else pd.NA for at in here["since"]]
    parts = [range(1, len(here) + 1), here["alert"].map(vocab.codes("alert")), here["product"].map(names), here["what"],
             pd.Series(since, index=here.index, dtype="str"), here["closes"], here["cells"].mask(here["cells"] == ""),
             responsible(round_, None) or pd.NA]  # fmt: skip
    return pd.DataFrame(dict(zip(CHASE_HEADER, parts, strict=True)))


def daily(found: pd.DataFrame) -> pd.DataFrame:
    """Return today's list out of `alerts`: one line a kind of alert, how many and where, the gravest first.

    Columns `alert, count, townships, what`.
    """
    groups = found.groupby("alert", sort=False)
    rows = []
    for alert in _CLOSES:
        if alert not in groups.groups:
            continue
        part = groups.get_group(alert)
        towns = list(dict.fromkeys(part["township"]))
        said = "、".join(towns[:8]) + (f" 等 {len(towns)} 个" if len(towns) > 8 else "")
        rows.append({"alert": alert, "count": len(part), "townships": len([town for town in towns if town != _COUNTY]),
                     "what": str(part["what"].iat[0]) if towns == [_COUNTY] else said})  # fmt: skip
    return pd.DataFrame(rows, columns=["alert", "count", "townships", "what"])
