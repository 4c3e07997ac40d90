"""Progress: who has sent what, on time or late, uploaded or not, per township and product; the table and the sentence of it.

Time comes from confirmed receipts only; without one a submission is "receipt not registered", never late (domain practice).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from originmap import vocab
from originmap.earlier import Earlier
from originmap.kept import worked_out
from originmap.ledgers import weekday
from originmap.receipts import first_heard
from originmap.rounds import Round
from originmap.subjects import normal_name

STATUS_COLUMNS: Final = [
    "township_code", "township", "product", "progress", "timeliness", "received_at", "earlier_round", "report_by", "upload_by", "records",
    "to_mend", "uploaded", "not_uploaded", "upload_basis",
]  # fmt: skip
RANK_COLUMNS: Final = [
    "rank", "township_code", "township", "due", "judged", "on_time", "completed", "accepted", "quarantined", "on_time_share", "completeness",
    "correctness", "rating",
]  # fmt: skip
TABLE_HEADER: Final = [
    "序号", "乡镇", "应报品种", "已报", "零报告", "未报品种", "附件1条数", "待更正", "平台已录入", "未录入", "最近报送时间", "责任人",
]  # fmt: skip
ARRIVED: Final = ("zero", "unread", "reported")
_KEY: Final = ["township_code", "product"]
_MIN_NAME: Final = 2
# So many townships are named with their products; of more the sentence only counts.
_NAMED: Final = 8


def status(round_: Round) -> pd.DataFrame:
    """Return where every township and product stands, one row each, with `STATUS_COLUMNS`.

    Returns
    -------
    `progress` is not_due, not_reported, zero, unread or reported. A product is not due before the first of the month of its report date,
    unless something arrived. `timeliness` is on_time, late, overdue, unregistered, pending or empty (not due): the first confirmed receipt
    against `report_by`, whose day, or hour where the rules give one, is itself on time. A date that lies before the round's month was met, or
    not, in that month's round (`earlier_round`, NA where that has nothing); where there is no such round nothing is judged. `records` are accepted rows that belong in 附件1, `to_mend` those
    that wait for correction; `uploaded` and `not_uploaded` are NA where nothing is known, their `upload_basis` is entry (an export, matched by
    name) or count (typed by hand).
    """
    return worked_out(lambda: _status(round_), "status", of=[round_.digest])


def _status(round_: Round) -> pd.DataFrame:
    rules, places = round_.rules, round_.places
    key = pd.MultiIndex.from_product([places.names, rules.products], names=_KEY)
    frame = pd.DataFrame(index=key).reset_index()
    frame["township"] = frame["township_code"].map(places.names).astype("str")
    state = round_.submissions.dropna(subset=["product"]).set_index(_KEY)["state"].reindex(key).to_numpy()
    due = (
        frame["product"]
        .map({code: product.due_from <= round_.as_of.date() for code, product in rules.products.items()})
        .astype(bool)
    )
    progress = pd.Series(state, index=frame.index, dtype="str")
    progress = progress.mask(progress.isna() & _unread(round_, frame, progress, due), "unread")
    frame["progress"] = progress.fillna(
        pd.Series(np.where(due, "not_reported", "not_due"), index=frame.index, dtype="str")
    )
    for name, deadline in (("report_by", "report_deadline"), ("upload_by", "upload_deadline")):
        dates = {code: getattr(product, deadline) for code, product in rules.products.items()}
        frame[name] = frame["product"].map(dates).astype("datetime64[s]")
    frame = _timed(frame, round_)
    rows = round_.records
    scoped = rows[(rows["status"] == "accepted") & rows["in_scope"].fillna(value=False).astype(bool)]
    waits = rows[rows["status"] == "quarantined"]
    for name, part in (("records", scoped), ("to_mend", waits)):
        frame[name] = part.groupby(_KEY).size().reindex(key, fill_value=0).astype("Int64").to_numpy()
        frame[name] = frame[name].astype("Int64").mask(~frame["progress"].isin(ARRIVED) & (frame[name] == 0))
    return _uploaded(frame, pd.DataFrame(scoped.drop(columns="geometry")), round_)[STATUS_COLUMNS]


def _unread(round_: Round, frame: pd.DataFrame, state: pd.Series, due: pd.Series) -> pd.Series:
    """Tell of which townships and products something arrived that could not be read.

    Either a receipt or a file's name says which product it is; or nothing of the township could be read at all.
    """
    lines = round_.receipts[round_.receipts["arrived"]]
    named = set(lines[_KEY].dropna().itertuples(index=False, name=None))
    read = set(round_.submissions.dropna(subset=["product"])["township_code"])
    mute = set(round_.submissions["township_code"]) - read
    by_line = dict(lines.dropna(subset=["township_code"])[["file", "township_code"]].itertuples(index=False, name=None))
    away = set(round_.files.loc[round_.files["status"].isin(["to_convert", "unreadable"]), "file"])
    away |= set(round_.sheets.loc[round_.sheets["kind"] == "unrecognised", "file"])
    names = {name: code for name, code in round_.rules.product_names().items() if len(name) >= _MIN_NAME}
    for file in away:
        hit = round_.places.mentioned([file])
        town = by_line.get(file) or (hit[1] if hit else None)
        named |= {(town, code) for name, code in names.items() if town and name in file}
    pairs = zip(frame["township_code"], frame["product"], strict=True)
    here = pd.Series([pair in named for pair in pairs], index=frame.index, dtype=bool)
    return state.isna() & (here | (frame["township_code"].isin(mute) & due))


def _timed(frame: pd.DataFrame, round_: Round) -> pd.DataFrame:
    """Add `received_at`, `earlier_round` and `timeliness`."""
    key = pd.MultiIndex.from_frame(frame[_KEY])
    own = first_heard(round_.spoken, round_.receipts).set_index(_KEY)["received_at"].reindex(key).to_numpy()
    frame = frame.assign(received_at=pd.Series(own, index=frame.index, dtype="datetime64[s]"))
    months = frame["report_by"].dt.strftime("%Y-%m")
    before = Earlier(round_.folder, round_.name, round_.as_of, round_.rules, round_.places)
    heard = [before.heard(name) for name in sorted(set(months)) if name < round_.name and name in before.folders]
    past = pd.concat(heard, ignore_index=True).assign(heard=True) if heard else None
    frame["earlier_round"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    then = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]")
    if past is not None:
        # What was said of a product counts in the round of its own date only.
        met = frame[_KEY].assign(round=months).merge(past, on=[*_KEY, "round"], how="left", validate="1:1")
        frame["earlier_round"] = months.where(met["heard"].notna()).astype("str")
        then = met["received_at"]
    arrived = frame["progress"].isin(ARRIVED) | frame["earlier_round"].notna()
    first = pd.concat([frame["received_at"], then], axis=1).min(axis=1)
    nobody = (frame["progress"].isin(ARRIVED) & frame["received_at"].isna()) | (
        frame["earlier_round"].notna() & then.isna()
    )
    on_time = first <= frame["report_by"]
    over = frame["report_by"] < pd.Timestamp(round_.as_of)
    said = pd.Series(np.where(over, "overdue", "pending"), index=frame.index, dtype="str")
    said = (
        said.mask(arrived & ~nobody, "late").mask(arrived & nobody, "unregistered").mask(arrived & on_time, "on_time")
    )
    # A date of a month that has no folder was nobody's to meet here.
    dated = months.isin([round_.name, *before.folders]) | (months > round_.name)
    return frame.assign(timeliness=said.mask((frame["progress"] == "not_due") | ~dated, ""))


def _uploaded(frame: pd.DataFrame, scoped: pd.DataFrame, round_: Round) -> pd.DataFrame:
    """Add `uploaded`, `not_uploaded` and `upload_basis`."""
    key = pd.MultiIndex.from_frame(frame[_KEY])
    loaded = round_.uploads
    loaded = loaded[loaded["uploaded_at"].isna() | (loaded["uploaded_at"] <= pd.Timestamp(round_.as_of))]
    counts = loaded[loaded["basis"] == "count"].dropna(subset=[*_KEY, "count"]).set_index(_KEY)["count"]
    typed = counts[~counts.index.duplicated()].reindex(key).astype("Int64").to_numpy()
    has_export = bool((round_.uploads["basis"] == "entry").any())
    matched = matched_rows(scoped, round_).groupby(_KEY).sum().reindex(key, fill_value=0).to_numpy()
    uploaded = pd.Series(typed, index=frame.index, dtype="Int64")
    basis = pd.Series(np.where(uploaded.notna(), "count", ""), index=frame.index, dtype="str")
    if has_export:
        # An export lists the whole county: what it lacks is not uploaded.
        entries = loaded[loaded["basis"] == "entry"].groupby(_KEY).size().reindex(key, fill_value=0).to_numpy() > 0
        by_name = pd.Series(entries, index=frame.index) | uploaded.isna()
        uploaded = uploaded.mask(by_name, pd.Series(matched, index=frame.index, dtype="Int64"))
        basis = basis.mask(by_name, "entry")
    known = frame["records"].notna()
    uploaded, basis = uploaded.where(known), basis.where(known, "")
    rest = (frame["records"] - uploaded).clip(lower=0)
    return frame.assign(uploaded=uploaded, not_uploaded=rest.astype("Int64"), upload_basis=basis)


def matched_rows(scoped: pd.DataFrame, round_: Round) -> pd.Series:
    """Tell which of the rows an export holds by township, product and subject's name: as many as it has entries (aligned, keyed by both)."""
    loaded = round_.uploads
    loaded = loaded[
        (loaded["basis"] == "entry")
        & (loaded["uploaded_at"].isna() | (loaded["uploaded_at"] <= pd.Timestamp(round_.as_of)))
    ]
    entries = loaded.assign(subject=normal_name(loaded["subject_name"], round_.places)).dropna(subset=["subject"])
    have = entries.groupby([*_KEY, "subject"]).size()
    rows = scoped.assign(subject=normal_name(scoped["subject_name"], round_.places))
    number = rows.groupby([*_KEY, "subject"]).cumcount()
    listed = have.reindex(pd.MultiIndex.from_frame(rows[[*_KEY, "subject"]])).fillna(0).to_numpy()
    return pd.Series(number.to_numpy() < listed, index=pd.MultiIndex.from_frame(rows[_KEY]), dtype=bool)


def ranking(round_: Round, found: pd.DataFrame) -> pd.DataFrame:
    """Rank townships on timeliness, completeness and correctness, its parts visible; the best first, with `RANK_COLUMNS`.

    Parameters
    ----------
    found
        As `status` gives it.

    Returns
    -------
    `on_time_share` = on time ÷ judged (due products with a registered receipt, or overdue), `completeness` = reported or zero ÷ due,
    `correctness` = accepted ÷ (accepted + quarantined), all 0 to 1, NA where nothing can be said; `rating` (0 to 100) is their weighted mean
    over the parts that are known (weights in the rules; equal by default). Source: domain practice, for the yearly assessment.
    """
    due = found[found["progress"] != "not_due"]
    by = due.groupby("township_code")
    frame = pd.DataFrame({"township": round_.places.names}).rename_axis("township_code")
    frame["due"] = by.size().reindex(frame.index, fill_value=0)
    flags = {
        "judged": due["timeliness"].isin(["on_time", "late", "overdue"]),
        "on_time": due["timeliness"] == "on_time",
        "completed": due["progress"].isin(["reported", "zero"]),
    }
    for name, flag in flags.items():
        frame[name] = flag.groupby(due["township_code"]).sum().reindex(frame.index, fill_value=0)
    for name in ("accepted", "quarantined"):
        rows = round_.records[round_.records["status"] == name]
        frame[name] = rows.groupby("township_code").size().reindex(frame.index, fill_value=0)
    frame["on_time_share"] = frame["on_time"] / frame["judged"].replace(0, np.nan)
    frame["completeness"] = frame["completed"] / frame["due"].replace(0, np.nan)
    frame["correctness"] = frame["accepted"] / (frame["accepted"] + frame["quarantined"]).replace(0, np.nan)
    given = round_.rules["progress"]["weights"]
    parts = {"on_time_share": "timeliness", "completeness": "completeness", "correctness": "correctness"}
    weights = pd.DataFrame({name: frame[name].notna() * float(given[part]) for name, part in parts.items()})
    total = sum(frame[name].fillna(0) * weights[name] for name in parts)
    frame["rating"] = (100 * total / weights.sum(axis=1).replace(0, np.nan)).round(1)
    frame["rank"] = frame["rating"].rank(ascending=False, method="min").astype("Int64")
    frame = frame.reset_index().sort_values(
        ["rating", "township_code"], ascending=[False, True], na_position="last", ignore_index=True
    )
    return frame.round(dict.fromkeys(parts, 4))[RANK_COLUMNS]


# ---- the table and the sentence ----


def responsible(round_: Round, township_code: str | None, product: str = "") -> str:
    """Return whom to call: the keeper for the product, else the keeper, else the lead, with the phone; empty when nobody is listed.

    `township_code` None is the county. Officials' work phones are shown.
    """
    column, wanted = ("township_code", township_code) if township_code else ("level", "county")
    here = [person for person in round_.people if person[column] is not pd.NA and person[column] == wanted]
    if not here:
        return ""

    def order(person: Mapping[Any, Any]) -> tuple[Any, ...]:
        limited = isinstance(person["products"], str)
        special = bool(product) and limited and product in person["products"].split(";")
        role = {"keeper": 0, "lead": 1}.get(person["role"], 2)
        where = (person["source_file"], person["source_sheet"], person["source_row"])
        return (limited and not special, role, not special, *where)

    first = min(here, key=order)
    return " ".join(first[name] for name in ("name", "phone") if isinstance(first[name], str))


def table(round_: Round, found: pd.DataFrame) -> pd.DataFrame:
    """Return table (a) 进度表 with `TABLE_HEADER`, a row a township, the county's totals last; NA where nothing is known."""
    names = {code: product.name for code, product in round_.rules.products.items()}
    last = _latest(round_)
    rows = []
    for number, (code, town) in enumerate(round_.places.names.items(), start=1):
        here = found[(found["township_code"] == code) & (found["progress"] != "not_due")]
        states = here["progress"].value_counts()
        open_ones = here[here["progress"].isin(["not_reported", "unread"])]
        listed = [_open(row, names) for row in open_ones.itertuples()]
        sums = [_sum(here[name]) for name in ("records", "to_mend", "uploaded", "not_uploaded")]
        rows.append([number, town, len(here), int(states.get("reported", 0)), int(states.get("zero", 0)), "、".join(listed), *sums,
                     last.get(code, ""), responsible(round_, code)])  # fmt: skip
    frame = pd.DataFrame(rows, columns=TABLE_HEADER)
    counts = ["应报品种", "已报", "零报告", "附件1条数", "待更正", "平台已录入", "未录入"]
    frame[counts] = frame[counts].astype("Int64")
    waiting = int((found["progress"].isin(["not_reported", "unread"])).sum())
    total = {name: _sum(frame[name]) for name in counts} | {"乡镇": "合计", "未报品种": f"{waiting} 个"}
    frame = pd.concat([frame, pd.DataFrame([total])], ignore_index=True)
    frame[["序号", *counts]] = frame[["序号", *counts]].astype("Int64")
    texts = ["乡镇", "未报品种", "最近报送时间", "责任人"]
    return frame.assign(
        **{name: frame[name].astype("str").mask(frame[name].isna() | (frame[name] == "")) for name in texts}
    )[TABLE_HEADER]


def _open(row: object, names: dict[str, str]) -> str:
    name = names[row.product]  # type: ignore[attr-defined]
    if row.progress == "unread":  # type: ignore[attr-defined]
        return f"{name}（{vocab.code('progress', 'unread')}）"
    earlier = row.earlier_round  # type: ignore[attr-defined]
    return f"{name}（{earlier} 已报）" if isinstance(earlier, str) else name


def _sum(values: pd.Series) -> int | None:
    known = values.dropna()
    return int(known.sum()) if len(known) else None


def _latest(round_: Round) -> dict[str, str]:
    """Return when each township's last submission came, in words; the ones that nobody registered say so."""
    lines = round_.receipts[round_.receipts["arrived"]][["township_code", "received_at"]]
    times = (
        pd.concat([lines, round_.spoken[["township_code", "received_at"]]])
        .groupby("township_code")["received_at"]
        .max()
    )
    said = dict.fromkeys(round_.submissions["township_code"].dropna(), vocab.code("timeliness", "unregistered"))
    return said | {str(code): _clock(at.to_pydatetime()) for code, at in times.items() if pd.notna(at)}


def _clock(at: datetime) -> str:
    return f"{at.month}月{at.day}日 {at:%H:%M}"


def spoken_day(at: datetime, as_of: datetime) -> str:
    """Return a moment as people say it: month, day, weekday, and the hour where it is not the day's end; the year where it is another.

    >>> spoken_day(datetime(2023, 3, 25, 17), datetime(2023, 3, 1)), spoken_day(datetime(2023, 2, 25, 23, 59, 59), datetime(2022, 3, 1))
    ('3月25日（周六）17时', '2023年2月25日（周六）')
    """
    year = f"{at.year}年" if at.year != as_of.year else ""
    ends = (at.hour, at.minute) == (23, 59)
    hour = "" if ends else f"{at.hour}时" + (f"{at.minute}分" if at.minute else "")
    return f"{year}{at.month}月{at.day}日（{weekday(at.date())}）{hour}"


def sentence(round_: Round, found: pd.DataFrame) -> str:
    """Return the sentence for the chat group: how many have reported all, some, nothing, who is late, what is next, with weekdays and hours."""
    names = {code: product.name for code, product in round_.rules.products.items()}
    due = found[found["progress"] != "not_due"]
    county = str(round_.places.county["name"])
    opening = f"截至{spoken_day(round_.as_of, round_.as_of)}，{county}"
    if due.empty:
        return f"{opening}各品种都还没有到报送的时候。"
    done = due["progress"].isin(["reported", "zero"]).groupby(due["township"], sort=False).agg(["sum", "size"])
    full, none = done[done["sum"] == done["size"]], done[done["sum"] == 0]
    parts = [
        f"{opening} {len(done)} 个乡镇中，应报品种全部报齐 {len(full)} 个、部分报送 {len(done) - len(full) - len(none)} 个、没有报送 {len(none)} 个"
    ]
    if len(none):
        parts[0] += f"（{'、'.join(none.index)}）"
    for word, text in (("overdue", "逾期未报"), ("late", "迟报")):
        rows = due[due["timeliness"] == word]
        if len(rows):
            parts.append(f"{text} {rows['township'].nunique()} 个乡镇 {len(rows)} 个品种：{_listed(rows, names)}")
    loose = due[due["timeliness"] == "unregistered"]
    if len(loose):
        parts.append(f"{loose['township'].nunique()} 个乡镇的来件没有登记收到时间，未判迟早")
    unread = due[due["progress"] == "unread"]
    if len(unread):
        parts.append(f"已来件未能读取：{'、'.join(dict.fromkeys(unread['township']))}")
    parts.append(f"待更正 {_sum(due['to_mend']) or 0} 条")
    left = _sum(due["not_uploaded"])
    parts.append("平台录入情况没有数据" if left is None else f"平台未录入 {left} 条")
    return "；".join(parts) + "。" + _next(round_, due, names)


def _listed(rows: pd.DataFrame, names: dict[str, str]) -> str:
    """Return whose products these are; of many townships how many lack each."""
    towns = rows.groupby("township", sort=False)["product"].agg(lambda codes: "、".join(names[code] for code in codes))
    if len(towns) <= _NAMED:
        return "，".join(f"{town}（{what}）" for town, what in towns.items())
    counts = rows["product"].value_counts(sort=False).reindex([code for code in names if code in set(rows["product"])])
    return "，".join(f"{names[code]} {count} 个" for code, count in counts.items())


def _next(round_: Round, due: pd.DataFrame, names: dict[str, str]) -> str:
    """Return the dates that lie ahead for what is still open."""
    now = pd.Timestamp(round_.as_of)
    said = []
    open_ones = due[~due["progress"].isin(["reported", "zero"])]
    for column, what, rows in (("report_by", "报送", open_ones), ("upload_by", "录入平台", due)):
        ahead = rows[rows[column] >= now]
        for at, part in ahead.groupby(column, sort=True):
            products = "、".join(names[code] for code in names if code in set(part["product"]))
            said.append(f"{products}请于{spoken_day(at.to_pydatetime(), round_.as_of)}前{what}")
    return "；".join(said) + "。" if said else ""
