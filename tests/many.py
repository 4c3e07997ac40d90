"""A round of random rows whose names would be markup, phones and all: for panels, without any file."""

import dataclasses
from datetime import datetime
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd

from originmap.places import load_places, points_of
from originmap.rules import load_rules

# As long as a name may be, and made to break out of wherever it is put.
LONG = "<img src=x onerror=alert(2)></td></button></option>" + "长" * 52
HOSTILE = ["<script>alert(1)</script>", "{{7*7}} {0} %s", "\"'><img src=x onerror=alert(1)>", "普通农户"]
N = 400


def many():
    """Return it: the attributes of a Round that panels look at."""
    rules = load_rules()
    places = load_places(rules)
    chance = np.random.default_rng(5)
    product = chance.choice(list(rules.products), N)
    crop = np.array([rules.products[name].kind == "crop" for name in product])
    size = np.exp(chance.normal(1.5, 1.2, N)).round(1) * np.where(crop, 1, 50)
    town = chance.integers(0, 24, N)
    names = pd.Series([HOSTILE[at % 4] + str(at % 60) for at in range(N)])
    lon = pd.Series(places.townships["seat_lon"].to_numpy()[town] + chance.normal(0, 0.01, N))
    lon[chance.random(N) < 0.05] = np.nan
    frame = {
        "record_id": [f"r{at:04d}" for at in range(N)],
        "round": "2023-03",
        "township_code": places.townships["township_code"].to_numpy()[town],
        "township": places.townships["township"].to_numpy()[town],
        "village": names,
        "subject_name": names,
        "subject_type": chance.choice(["household", "cooperative", "buyer"], N, p=[0.7, 0.25, 0.05]),
        "contact_name": "张三",
        "contact_phone": "13800001234",
        "product": product,
        "plot_key": "",
        "cropping": "1",
        "size_value": size,
        "size_unit": [rules.products[name].unit for name in product],
        "area_mu": np.where(crop, size, np.nan),
        "head_count": np.where(crop, np.nan, size),
        "market_windows": chance.choice(["2023-05-01/2023-07-31", "2022-11-01/2023-02-28", "2023-09-01/"], N),
        "production_mode": chance.choice(["open", "protected"], N),
        "credit_grade": "A",
        "collected_on": pd.Series([None] * N, dtype="str"),
        "coord_status": "ok",
        "status": chance.choice(["accepted", "quarantined"], N, p=[0.95, 0.05]),
        "source_file": HOSTILE[0],
        "source_sheet": "附件1",
        "source_row": range(N),
    }
    frame |= {
        "trace_methods": chance.choice(["certificate;code", "label"], N),
        "base_address": HOSTILE[1],
    }
    records = gpd.GeoDataFrame(frame, geometry=points_of(lon, lon * 0 + 25.1))
    records = records.assign(lon=lon, lat=lon * 0 + 25.1)
    findings = pd.DataFrame(
        {
            "rule": ["sheet_unrecognised", "size_missing", "size_unreadable"],
            "record_id": ["r0001", "r0001", "r0005"],
            "severity": ["warning", "note", "error"],
            "message": HOSTILE[:3],
            "cell": ["B2", "", "C7"],
            "value": HOSTILE[:3],
            "proposal": "",
        }
    )
    test = {"sample_id": "样1", "sampled_on": "2023-03-10", "item": HOSTILE[0], "result": "fail", "value": 0.3, "unit": "mg/kg",
            "source_file": HOSTILE[2], "source_sheet": "快检结果", "source_cell": "G3"}  # fmt: skip
    tested = pd.DataFrame([{**records.iloc[1][["township_code", "township", "subject_name", "product"]], **test}])
    moment = datetime(2023, 3, 31, 23, 59, 59)  # noqa: DTZ001 - a county's own time, as typed
    return SimpleNamespace(
        name="2023-03", as_of=moment, rules=rules, places=places, records=records, findings=findings, is_sample=True, rapid_tests=tested,
        plots=gpd.GeoDataFrame(columns=["record_id", "geometry"], geometry="geometry", crs=4326),
        submissions=pd.DataFrame({"township_code": [], "product": [], "state": []}, dtype="str"),
        contacts=pd.DataFrame(columns=["phone"], dtype="str"),
        cell=lambda row, field: f"{row['source_file']}〔{row['source_sheet']}〕{field[0].upper()}{row['source_row']}",
    )  # fmt: skip


def hostile():
    """Return the same with townships, products and everything else that has a name named so."""
    plain = many()
    names = [LONG, *HOSTILE[:3]]
    towns = plain.places.townships.copy()
    towns["township"] = [names[at] if at < len(names) else name for at, name in enumerate(towns["township"])]
    products = dict(plain.rules.products)
    for name, said in zip(products, names, strict=False):
        products[name] = dataclasses.replace(products[name], name=said)
    rules = dataclasses.replace(plain.rules, products=products)
    places = dataclasses.replace(plain.places, townships=towns)
    records = plain.records.assign(township=plain.records["township_code"].map(places.names))
    records.loc[1, ["subject_name", "village", "base_address"]] = LONG
    return SimpleNamespace(**{**vars(plain), "rules": rules, "places": places, "records": records})
