"""Gaps: the terms of a difference, the subjects and cells behind each, what to do about it, and what a township says of it."""

from typing import Final

import pandas as pd

from originmap import decisions, matching
from originmap.decisions import Verdict
from originmap.growers import KEY, PARTS, Growers, behind, sizes
from originmap.lineage import cells_by_grower
from originmap.reconcile import SIGNS, TERMS, county_terms
from originmap.rounds import Round
from originmap.subjects import normal_name

SUBJECT_COLUMNS: Final = [
    "township",
    "product",
    "term",
    "registered_name",
    "collected_name",
    "registered_size",
    "collected_size",
    "amount",
    "size_unit",
    "mark",
    "registry_cells",
    "collection_cells",
]
SCOPE_COLUMNS: Final = [
    "township_code",
    "township",
    "product",
    "subject_name",
    "subject_type",
    "size",
    "size_unit",
    "scope",
    "there",
    "registered",
    "in_review",
]
EXPLANATION_COLUMNS: Final = ["township_code", "product", "explanation", "verified", "conflict"]


def terms(linked: Growers, gaps: pd.DataFrame, *, product: str, township_code: str = "") -> pd.DataFrame:
    """Return the terms of one gap: of a township and product, or of the county over the townships where all three figures are known.

    Parameters
    ----------
    linked, gaps
        What ``growers.growers`` and ``reconcile.planting_area`` (or ``reconcile.livestock``) gave.
    product, township_code
        Whose gap; without a township the county's.

    Returns
    -------
    One row a term in the order of the identity, the first one only where there is a baseline: `term, sign` (+1 or −1 in the sum),
    `amount, in_review` (of which in review) in the product's unit, `subjects, action, responsible` (codes).
    NA where unknown.
    """
    unit = "mu" if "baseline_mu" in gaps else "heads"
    of = gaps[gaps["product"] == product]
    if township_code:
        of = of[of["township_code"] == township_code]
    clear = of[f"registry_{unit}"].notna() & of[f"collected_{unit}"].notna()
    if unit == "mu" and not township_code:
        clear &= of["baseline_mu"].notna()
    towns = of.loc[clear, "township_code"]
    frame = linked.frame[(linked.frame["product"] == product) & linked.frame["township_code"].isin(towns)]
    rows = []
    for term in TERMS if unit == "mu" else PARTS:
        own = of.loc[clear, f"{term}_{unit}"]
        amount = round(float(own.sum()), 2) if len(own) and own.notna().all() else float("nan")
        there = behind(frame, [term]) if term in PARTS else frame.iloc[:0]
        doubt = there.loc[there["in_review"], term].sum() / 100 if term in PARTS and clear.any() else float("nan")
        count = len(there) if term in PARTS and clear.any() else pd.NA
        rows.append((term, SIGNS[term], amount, round(float(doubt), 2), count, term, term))
    columns = ["term", "sign", "amount", "in_review", "subjects", "action", "responsible"]
    return pd.DataFrame(rows, columns=columns).astype({"subjects": "Int64"})


def subjects(
    round_: Round, linked: Growers, *, product: str = "", township_code: str = "", term: str = ""
) -> pd.DataFrame:
    """Return who stands behind the terms, each with the cells of both sides; an empty filter lets everything through.

    Returns
    -------
    `SUBJECT_COLUMNS`, in the order of townships, products and terms, the largest amount first. `amount` is what the subject adds to
    the term, `registered_size` and `collected_size` what is known of it, in `size_unit` (NA: none); `mark` says 名录无面积 where a registered row has no
    size, 疑似同名待核 where a pair awaits a decision. Cells are ``file〔sheet〕cell``, several joined by ；, an earlier round's with its name in front.

    Raises
    ------
    ValueError
        The township or product is none.
    """
    _check(round_, township_code, product)
    frame = linked.frame
    if product:
        frame = frame[frame["product"] == product]
    if township_code:
        frame = frame[frame["township_code"] == township_code]
    wanted = [term] if term else [*PARTS, "unsized", "unregistered_unreadable"]
    parts = []
    for name in wanted:
        rows = behind(frame, [name])
        amount = rows[name] if name in PARTS else pd.Series(pd.NA, index=rows.index, dtype="Int64")
        parts.append(rows.assign(term=name, amount=amount))
    made = pd.concat(parts)
    own = {number: at for at, number in enumerate(dict.fromkeys(made.index))}
    rank = [list(round_.places.names), list(round_.rules.products), wanted]
    order = pd.DataFrame(
        {
            "town": made["township_code"].map(rank[0].index),
            "product": made["product"].map(rank[1].index),
            "term": made["term"].map(rank[2].index),
            "amount": -made["amount"].abs().fillna(-1),
            "name": made["registered_name"].fillna(made["collected_name"]),
            "grower": made.index.map(own),
        }
    ).reset_index(drop=True)
    made = made.iloc[order.sort_values(list(order)).index.to_numpy()]
    units = {name: item.unit for name, item in round_.rules.products.items()}
    marks = pd.DataFrame(
        {
            "a": (made["unsized"] > 0).map({True: "名录无面积", False: ""}),
            "b": made["in_review"].map({True: "疑似同名待核", False: ""}),
        }
    )
    listed = cells_by_grower(round_, round_.registry, linked.registry, made.index, "registry")
    sheets = cells_by_grower(
        round_, pd.DataFrame(round_.records.drop(columns="geometry")), linked.collection, made.index, "collection"
    )
    made = made.assign(
        township=made["township_code"].map(round_.places.names),
        registered_size=sizes(made["registered"]),
        collected_size=sizes(made["collected"]),
        amount=sizes(made["amount"]),
        size_unit=made["product"].map(units),
        mark=["，".join(text for text in row if text) for row in marks.itertuples(index=False)],
        registry_cells=listed,
        collection_cells=sheets,
    )
    return made[SUBJECT_COLUMNS].reset_index(drop=True)


def scope(round_: Round, linked: Growers) -> pd.DataFrame:
    """Return the list that each subject × product belongs in, and whether it is there.

    Returns
    -------
    `SCOPE_COLUMNS`, a row a township, product and subject: `size` is the standing total collected, else the registered one (`size_unit`, NA:
    unknown, and not told of a buyer); `scope` ``due`` (附件1 and registry), ``exempt`` (registry alone), ``buyer`` (附件1 whatever the size), ``unknown`` (no size);
    `there`, of 附件1: ``collected``, ``unreadable`` (its rows wait for correction), ``missing``, ``not_reported`` (its township has said nothing of the product), ``not_needed``; `registered` tells
    of the registry, NA where the township sent none. With ``reconcile.threshold_level = "plot"`` each plot is judged by itself (notice, section 2).
    """
    frame = linked.frame
    got, waits = frame["collected"].notna(), frame["awaits"] & frame["collected"].isna()
    due = frame["reaches"].where(got, frame["due"].fillna(0) > 0).astype(bool)
    size = frame["collected"].where(got, frame["registered"])
    belongs = pd.Series("exempt", index=frame.index, dtype="str").mask(due, "due").mask(size.isna(), "unknown")
    growing = frame.assign(
        subject_name=frame["registered_name"].fillna(frame["collected_name"]),
        size=sizes(size),
        scope=belongs,
        got=got,
        waits=waits,
        registered=frame["registered_name"].notna(),
    )
    made = pd.concat([growing, _buyers(round_)], ignore_index=True)
    there = pd.Series("missing", index=made.index, dtype="str").mask(
        made["scope"].isin(["exempt", "unknown"]), "not_needed"
    )
    said = pd.Series(pd.MultiIndex.from_frame(made[KEY]).map(linked.known["collected"].notna()), index=made.index)
    there = there.mask((there == "missing") & ~said.astype(bool), "not_reported")
    made["there"] = there.mask(made["waits"].astype(bool), "unreadable").mask(made["got"].astype(bool), "collected")
    listed = pd.Series(pd.MultiIndex.from_frame(made[KEY]).map(linked.known["listed"]), index=made.index)
    made["registered"] = made["registered"].astype("boolean").mask(~listed.astype(bool))
    made["township"] = made["township_code"].map(round_.places.names)
    made["size_unit"] = made["product"].map({name: item.unit for name, item in round_.rules.products.items()})
    made["in_review"] = made["in_review"].astype(bool)
    rank = {name: at for at, name in enumerate(round_.rules.products)}
    order = made.assign(rank=made["product"].map(rank)).sort_values(["township_code", "rank", "scope", "subject_name"])
    return order[SCOPE_COLUMNS].reset_index(drop=True)


def explanation(
    round_: Round, township_code: str, product: str, text: str, *, why: str, gap: float | None = None
) -> Verdict:
    """Return a township's explanation of a gap as a decision to be recorded; `gap` is the difference that it explains.

    Raises
    ------
    ValueError
        The township or product is none, or nothing is explained.
    """
    _check(round_, township_code, product)
    if not text.strip():
        raise ValueError("请写明乡镇的说明。")
    target = {"township_code": township_code, "product": product, "round": round_.name}
    before = {} if gap is None or pd.isna(gap) else {"gap": round(float(gap), 2)}
    name = f"{round_.places.names[township_code]} {round_.rules.products[product].name}"
    return Verdict("gap_explanation", target, {"text": text.strip()}, why, before, round_.name, {"name": name})


def explanations(round_: Round, entries: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return what townships say of their gaps in this round, one row a township and product: `EXPLANATION_COLUMNS`.

    `verified` names who took it down and when (核实人/日期). Where people recorded different explanations all stand there, each with its
    author, and `conflict` is true. By default the entries are those that the round was opened with.
    """
    told = decisions.plain(decisions.state(round_.decisions[decisions.COLUMNS] if entries is None else entries))
    told = told[(told["kind"] == "gap_explanation") & told["state"].isin(["active", "conflict"])]
    rows = [
        (
            row["target"]["township_code"],
            row["target"]["product"],
            row["after"]["text"],
            row["who"],
            row["section"],
            row["at"][:10],
            row["state"] == "conflict",
        )
        for row in told.to_dict("records")
        if row["target"].get("round") == round_.name
    ]
    made = []
    frame = pd.DataFrame(rows, columns=[*KEY, "text", "who", "section", "on", "conflict"])
    for (town, product), own in frame.groupby(KEY, sort=True):
        clash = bool(own["conflict"].any())
        texts = [f"{row.text}（{row.who}）" if clash else str(row.text) for row in own.itertuples()]
        said = "说法不一：" + "；".join(texts) if clash else texts[-1]
        who = "；".join(f"{row.who}（{row.section}）{row.on}" for row in own.itertuples())
        made.append((town, product, said, who, clash))
    return pd.DataFrame(made, columns=EXPLANATION_COLUMNS)


def review(round_: Round, linked: Growers, *, product: str = "", township_code: str = "") -> pd.DataFrame:
    """Return the pairs that a person has to decide, the likeliest first within each township and product.

    Returns
    -------
    `township_code, township, product, left_name, right_name` (registry, collection), `left_subject, right_subject` (for
    ``matching.verdict``), `left_village, right_village, score, evidence, registered_size, collected_size, size_unit, registry_cells,
    collection_cells`. No phones: what they say is in the evidence.
    """
    pairs = linked.pairs[linked.pairs["registered"] != linked.pairs["collected"]]
    made = matching.queue(linked.listed, linked.sheets, pairs)
    keyed = made.merge(pairs[["left", "right", "registered", "collected"]], on=["left", "right"], validate="1:1")
    if product:
        keyed = keyed[keyed["product"] == product]
    if township_code:
        keyed = keyed[keyed["township_code"] == township_code]
    records = pd.DataFrame(round_.records.drop(columns="geometry"))
    frame = linked.frame
    cells = {
        "registry_cells": cells_by_grower(
            round_, round_.registry, linked.registry, pd.Index(keyed["registered"]), "registry"
        ),
        "collection_cells": cells_by_grower(
            round_, records, linked.collection, pd.Index(keyed["collected"]), "collection"
        ),
    }
    units = {name: item.unit for name, item in round_.rules.products.items()}
    return keyed.assign(
        township=keyed["township_code"].map(round_.places.names),
        registered_size=sizes(frame["registered"].reindex(keyed["registered"])).to_numpy(),
        collected_size=sizes(frame["collected"].reindex(keyed["collected"])).to_numpy(),
        size_unit=keyed["product"].map(units),
        **{name: spots.to_numpy() for name, spots in cells.items()},
    ).reset_index(drop=True)


def waterfall(linked: Growers, gaps: pd.DataFrame, *, product: str, township_code: str = "") -> pd.DataFrame:
    """Return the steps from the baseline down to what was collected, with the registry between; livestock begins at the registry.

    Returns
    -------
    `step` (baseline, registry, collected, or a term), `kind` (total, down, up), `start, end` (where its bar stands), `amount` (signed), in
    the product's unit, of which `in_review`; NA where unknown: then nothing can be drawn. `known_townships, townships` tell what a county's sums are of.
    """
    unit = "mu" if "baseline_mu" in gaps else "heads"
    of = gaps[gaps["product"] == product]
    if township_code:
        row = of[of["township_code"] == township_code].iloc[0]
        known, towns = int(row[[f"registry_{unit}", f"collected_{unit}"]].notna().all()), 1
        figures = {name: row[f"{name}_{unit}"] for name in ("registry", "collected")}
        first = row["baseline_mu"] if unit == "mu" else figures["registry"]
    elif unit == "mu":
        total = county_terms(gaps, products=[product]).iloc[0]
        known, towns = int(total["known_townships"]), int(total["townships"])
        first, figures = total["baseline_mu"], {name: total[f"{name}_mu"] for name in ("registry", "collected")}
    else:
        both = of[of["registry_heads"].notna() & of["collected_heads"].notna()]
        known, towns = len(both), len(of)
        figures = {name: both[f"{name}_heads"].sum(min_count=1) for name in ("registry", "collected")}
        first = figures["registry"]
    at = float(first)
    steps = [("baseline" if unit == "mu" else "registry", "total", 0.0, at, at, 0.0)]
    for row in terms(linked, gaps, product=product, township_code=township_code).itertuples():
        amount = -row.sign * row.amount
        steps.append(
            (row.term, "down" if amount < 0 else "up", at, round(at + amount, 2), round(amount, 2) + 0.0, row.in_review)
        )
        at = round(at + amount, 2)
        if row.term == "unregistered":
            at = float(figures["registry"])
            steps.append(("registry", "total", 0.0, at, at, 0.0))
    end = float(figures["collected"])
    steps.append(("collected", "total", 0.0, end, end, 0.0))
    frame = pd.DataFrame(steps, columns=["step", "kind", "start", "end", "amount", "in_review"])
    return frame.assign(known_townships=known, townships=towns)


def _check(round_: Round, township_code: str, product: str) -> None:
    if township_code and township_code not in round_.places.names:
        raise ValueError(f"乡镇代码“{township_code}”不存在")
    if product and product not in round_.rules.products:
        raise ValueError(f"产品“{product}”不在规则中；可用：{'、'.join(round_.rules.products)}")


def _buyers(round_: Round) -> pd.DataFrame:
    """Return the buyers of both lists, a row a township, product and name."""
    sides = (round_.registry, "registered"), (round_.records, "collected")
    both = pd.concat(
        [pd.DataFrame(rows[[*KEY, "subject_name", "subject_type", "status"]]).assign(side=side) for rows, side in sides]
    )
    both = both[(both["subject_type"] == "buyer") & (both["status"] != "duplicate")]
    both = both[both[[*KEY, "subject_name"]].notna().all(axis=1)]
    sheets, good = both["side"] == "collected", both["status"] == "accepted"
    both = both.assign(
        subject=normal_name(both["subject_name"], round_.places), got=sheets & good, waits=sheets, registered=~sheets
    )
    by_name = both.groupby([*KEY, "subject"], sort=True)
    made = (
        by_name[["got", "waits", "registered"]].any().assign(subject_name=by_name["subject_name"].first()).reset_index()
    )
    return made.drop(columns="subject").assign(subject_type="buyer", size=float("nan"), scope="buyer", in_review=False)
