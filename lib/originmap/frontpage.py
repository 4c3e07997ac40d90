"""Front page: the one self-contained page that a report is read from, with its figures, pictures and links."""

import base64
from pathlib import Path
from typing import Any, Final

import jinja2
import pandas as pd

from originmap import gazette, reconcile, vocab
from originmap.findings import tally
from originmap.rounds import NOT_READ, Round

ONE_MAP: Final = "maps/一张图.html"
_TEMPLATES: Final = Path(__file__).with_name("templates")


def write(round_: Round, build: Path, *, public: bool = False) -> None:
    """Write ``index.html`` into a tree that holds all the rest: what is in it, the round's figures, its pictures."""
    gaps = reconcile.planting_area(round_)
    # The map book has a sheet a township: its pages are linked, not shown here as well.
    pictures = sorted(path for path in build.glob("*/*.png"))
    names = {code: product.name for code, product in round_.rules.products.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("index.html.j2").render(
        round=round_,
        public=public,
        county=round_.places.county,
        totals=reconcile.county(gaps).to_dict("records"),
        public_tables=gazette.page_tables(round_) if public else [],
        gaps=_by_township(gaps, round_),
        products=[(code, names[code]) for code in round_.rules.baseline_products],
        product_names=names,
        status_names=vocab.codes("gap_status"),
        ranked=reconcile.ranked(gaps).head(10).to_dict("records"),
        files=round_.files["status"].map(vocab.codes("file_status")).value_counts(sort=False).to_dict(),
        unread=_unread(round_),
        records={name: int((round_.records["status"] == code).sum()) for code, name in vocab.codes("status").items()},
        located=int((~round_.records.geometry.isna() & (round_.records["status"] == "accepted")).sum()),
        findings=tally(round_.findings).to_dict("records"),
        severities=vocab.codes("severity"),
        pictures=[
            {"href": path.relative_to(build).as_posix(), "name": path.stem, "data": base64.b64encode(path.read_bytes()).decode()}
            for path in pictures
        ],
        links=_links(build),
        one_map=ONE_MAP if (build / ONE_MAP).exists() else "",
    )  # fmt: skip
    (build / "index.html").write_text(page, encoding="utf-8")


def _by_township(gaps: pd.DataFrame, round_: Round) -> list[dict[str, Any]]:
    return [
        {
            "township": name,
            "cells": {row["product"]: row for row in gaps[gaps["township_code"] == code].to_dict("records")},
        }
        for code, name in round_.places.names.items()
    ]


def _unread(round_: Round) -> list[dict[str, str]]:
    """Return what arrived and was not read, and why: files first, then sheets."""
    rows = round_.findings[round_.findings["rule"].isin(NOT_READ)]
    return [
        {"what": f"{row['file']}〔{row['sheet']}〕" if row["sheet"] else str(row["file"]), "why": str(row["message"])}
        for row in rows.to_dict("records")
    ]


def _links(build: Path) -> dict[str, list[dict[str, str]]]:
    groups = {
        "notebooks": "笔记本",
        "maps": "地图",
        "briefings": "简报",
        "tables": "表格",
        "gis": "GIS 数据",
        "desk": "各乡镇工作件（勿外传）",
    }
    links: dict[str, list[dict[str, str]]] = {}
    for folder, name in groups.items():
        files = sorted(path for path in (build / folder).rglob("*") if path.is_file() and path.suffix != ".ipynb")
        if files:
            links[name] = [{"href": path.relative_to(build).as_posix(), "name": path.name} for path in files]
    return links
