"""Atlas: what the sheets of the map book share, and the names that each prints.

What a sheet names is planned as a frame of boxes (`label_plan`); no two overlap and none leaves the map.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from originmap import figures, page, reconcile, symbols
from originmap.page import INK, Frame, Furniture, width_mm
from originmap.places import Places, points_of
from originmap.plans import located, point_plan
from originmap.rounds import Round
from originmap.rules import Rules

Paper = Literal["A4", "A3"]
LABEL_COLUMNS: Final = ["kind", "text", "x", "y", "w", "h", "anchor_x", "anchor_y", "leader"]
STYLES: Final[
    Mapping[str, tuple[float, str]]
] = {  # of labels: type size and colour, the first ones kept where room is short
    "own": (11.0, INK),
    "town": (7.5, "#555555"),
    "base": (6.2, "#1F4E79"),
    "village": (6.8, INK),
}
SCALES: Final = (
    25_000,
    50_000,
    75_000,
    100_000,
    125_000,
    150_000,
    200_000,
    300_000,
)  # a series has these steps and no others
PANEL_MM: Final = 60.0  # the legend, right of the map
_SHEETS_MM: Final[Mapping[str, tuple[float, float]]] = {"A4": (297.0, 210.0), "A3": (420.0, 297.0)}
_NAMED_BASES: Final = 10


@dataclass(frozen=True)
class Atlas:
    """What the sheets of a round share: made once, drawn many times."""

    round: Round
    paper: Paper = "A4"

    @property
    def places(self) -> Places:
        """The county's places."""
        return self.round.places

    @property
    def rules(self) -> Rules:
        """What the round was judged by."""
        return self.round.rules

    @cached_property
    def furniture(self) -> Furniture:
        """What every sheet says of itself."""
        return figures.furniture(self.round)

    @cached_property
    def outline(self) -> BaseGeometry:
        """The county's outline in the CRS of measuring."""
        return symbols.outline_of(self.places)

    @cached_property
    def seats(self) -> gpd.GeoDataFrame:
        """Every township's seat by its code: `township, estimated` and the point in the CRS of measuring."""
        towns = self.places.townships
        points = points_of(towns["seat_lon"], towns["seat_lat"]).to_crs(self.places.measure_crs)
        made = towns[["township_code", "township"]].assign(estimated=symbols.estimated_seats(self.places))
        return gpd.GeoDataFrame(made, geometry=points.to_numpy(), crs=points.crs).set_index("township_code")

    @cached_property
    def cells(self) -> gpd.GeoSeries:
        """The townships' areas by their code, in the CRS of measuring; empty where the boundary file has none."""
        towns = self.places.townships.set_index("township_code")
        return towns.geometry.to_crs(self.places.measure_crs)

    def frame(self, township_code: str = "") -> Frame:
        """Return where the map stands on the sheet, and on the ground: the county, or a township with its seat and its points not far off."""
        width, height = _SHEETS_MM[self.paper]
        bounds = self.outline.bounds
        if township_code:
            seat, cell = self.seats.geometry[township_code], self.cells[township_code]
            ground = seat.buffer(5000.0) if cell is None or cell.is_empty else cell.union(seat)
            own = self.plan[self.plan["township_code"] == township_code].geometry
            near = own[own.distance(ground) <= self.places.tolerance_m]
            bounds = ground.union(near.union_all()).bounds if len(near) else ground.bounds
        room = {"width": width - 33 - PANEL_MM, "height": height - 48}
        return page.fit(bounds, left=16, bottom=23, margin=3, steps=SCALES if township_code else (), **room)

    @cached_property
    def plan(self) -> gpd.GeoDataFrame:
        """The points of ``plans.point_plan`` with `township_code, village, subject_name, subject_type`."""
        plan = point_plan(self.round.records, self.rules)
        about = self.round.records.set_index("record_id")[["township_code", "village", "subject_name", "subject_type"]]
        return plan.join(about[~about.index.duplicated()], on="record_id", validate="m:1")

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Subjects and sizes as ``reconcile.counts``, by township and product."""
        return reconcile.counts(self.round).set_index(["township_code", "product"])

    @cached_property
    def located(self) -> pd.DataFrame:
        """Records and located ones by township, product and whether a buyer's."""
        parts = [
            located(rows, self.rules).assign(township_code=town)
            for town, rows in self.round.records.groupby("township_code")
        ]
        return (
            pd.concat(parts, ignore_index=True)
            if parts
            else located(self.round.records, self.rules).assign(township_code="")
        )


def label_plan(
    points: gpd.GeoDataFrame,
    seats: gpd.GeoDataFrame,
    frame: Frame,
    *,
    own: str = "",
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> pd.DataFrame:
    """Return the names that a sheet prints, as boxes on the page (mm): no two overlap, none leaves the frame or covers `taken`.

    Parameters
    ----------
    points, seats
        Rows of ``Atlas.plan`` and ``Atlas.seats``.
    frame
        The map's frame.
    own
        The township whose villages and largest bases are named; on a county's sheet none.
    taken
        Page boxes that stay free.

    Returns
    -------
    `LABEL_COLUMNS`: the centre and size of each box, what it names and where that stands. Names without room are left out, bases and villages
    before townships; how many shows in ``.attrs["left_out"]``.
    """
    west, south, east, north = frame.extent
    kinds, texts, at = [], [], []
    for town, seat in seats.cx[west:east, south:north].iterrows():
        kinds.append("own" if town == own else "town")
        texts.append(str(seat["township"]))
        at.append((seat.geometry.x, seat.geometry.y))
    if own:
        for kind, text, x, y in [*_named_bases(points), *_named_villages(points)]:
            if west < x < east and south < y < north:
                kinds.append(kind)
                texts.append(text)
                at.append((x, y))
    made = pd.DataFrame({"kind": kinds, "text": texts}, dtype="str")
    if made.empty:
        return made.reindex(columns=LABEL_COLUMNS)
    across, up = frame.page(*np.array(at, dtype="float64").T)
    sizes = [STYLES[kind][0] for kind in kinds]
    wide = [width_mm(text, size) + 0.4 for text, size in zip(texts, sizes, strict=True)]
    anchors = pd.DataFrame({"x": across, "y": up, "r": 0.8, "w": wide, "h": [0.42 * size for size in sizes]})
    spots = np.column_stack(frame.page(points.geometry.x, points.geometry.y)) if len(points) else None
    inside = (frame.left + 1, frame.bottom + 1, frame.left + frame.width - 1, frame.bottom + frame.height - 1)
    placed = symbols.place_labels(anchors, inside, taken=taken, points=spots)
    made = made.assign(
        x=placed["x"],
        y=placed["y"],
        w=anchors["w"],
        h=anchors["h"],
        anchor_x=across,
        anchor_y=up,
        leader=placed["leader"],
    )
    kept: list[int] = []
    blocked = np.array([*taken, *[(0.0, 0.0, 0.0, 0.0)]])
    boxes = np.column_stack(
        [made["x"] - made["w"] / 2, made["y"] - made["h"] / 2, made["x"] + made["w"] / 2, made["y"] + made["h"] / 2]
    )
    for number in sorted(range(len(made)), key=lambda one: list(STYLES).index(kinds[one])):
        box = boxes[number]
        within = (
            box[0] >= inside[0] - 0.01
            and box[1] >= inside[1] - 0.01
            and box[2] <= inside[2] + 0.01
            and box[3] <= inside[3] + 0.01
        )
        near = np.vstack([blocked, boxes[kept]]) if kept else blocked
        if (
            within
            and not (
                (box[0] < near[:, 2]) & (box[2] > near[:, 0]) & (box[1] < near[:, 3]) & (box[3] > near[:, 1])
            ).any()
        ):
            kept.append(number)
    shown = made.loc[sorted(kept), LABEL_COLUMNS].reset_index(drop=True)
    shown.attrs["left_out"] = len(made) - len(shown)
    return shown


def _named_bases(points: gpd.GeoDataFrame) -> Iterator[tuple[str, str, float, float]]:
    """Yield the largest bases that are no household's, by the class of their size, a name once."""
    firms = points[~points["subject_type"].isin(["household", "buyer"]) & points["subject_name"].notna()]
    order = firms.assign(rank=firms["size_class"].fillna(-1)).sort_values(
        ["rank", "record_id"], ascending=[False, True]
    )
    for row in order.drop_duplicates("subject_name").head(_NAMED_BASES).itertuples():
        yield "base", _short(str(row.subject_name)), row.geometry.x, row.geometry.y


def _short(name: str) -> str:
    for front in ("福建省", "泉州市", "安溪县", "安溪"):
        name = name.removeprefix(front) if len(name) > len(front) + 2 else name
    return name.replace("农民专业合作社", "合作社").replace("有限责任公司", "公司").replace("有限公司", "公司")


def _named_villages(points: gpd.GeoDataFrame) -> Iterator[tuple[str, str, float, float]]:
    """Yield each village with located bases, the one with most of them first, at the median of its points."""
    where = points.geometry.get_coordinates().groupby(points["village"])
    middle = where.median().assign(count=where.size()).sort_values("count", ascending=False, kind="stable")
    for row in middle.itertuples():
        yield "village", str(row.Index).removesuffix("居委会"), float(row.x), float(row.y)
