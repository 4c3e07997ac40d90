"""Takeaway: what is carried away from the one map: the view as a picture to print, the selection as files and as one page.

Files are named after the selection's own words, written beside each other first and then moved into place; the same selection replaces its older files.
"""

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import ipywidgets
import numpy as np
import pandas as pd
import shapely

from originmap import gate, plans, selection
from originmap.board import Chosen, sentence
from originmap.phrases import joined, phrase
from originmap.publishing import OutputError
from originmap.rounds import PROJECT, Round
from originmap.selection import Selection
from originmap.shading import Shading
from originmap.vocab import Lang

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from originmap.seatmarks import SeatMarks

FORMS: Final = ("picture", "page", "gpkg", "geojson", "kml", "xlsx")
OUT: Final = "outputs/map"
_LONGEST: Final = 50  # signs of a file's name
_LONGEST_NOTE: Final = 140  # signs of the sentence on a printed picture


@dataclass(frozen=True, eq=False)
class View:
    """What somebody is looking at: a selection, what it leaves of a round, the part of the map in sight (west, south, east, north; None: all), a shading."""

    round_: Round
    selection: Selection
    chosen: Chosen
    bounds: tuple[float, float, float, float] | None = None
    lang: Lang = "zh"
    shading: Shading | None = None

    @property
    def sentence(self) -> str:
        """The selection in one sentence, with what it adds up to."""
        return sentence(self.selection, self.chosen, names=True, lang=self.lang)

    @property
    def stem(self) -> str:
        """The selection's filters as a name for files, whatever stands in them: the round in front, no sign that a disk refuses."""
        filters = selection.filters(self.selection, self.round_.rules, places=self.round_.places, lang=self.lang)
        words = joined(filters, self.lang, by="clause")
        plain = re.sub(r'[\x00-\x1f\\/:*?"<>|]+', "_", words).strip(" .")
        if plain != words or len(plain) > _LONGEST:
            # What was changed or cut may be another selection's name too.
            plain = f"{plain[:_LONGEST].strip(' .')}_{hashlib.sha256(words.encode()).hexdigest()[:6]}"
        return f"{self.round_.name}_{plain}"

    @property
    def records(self) -> gpd.GeoDataFrame:
        """The chosen records as maps draw them, whatever their status: somebody chose it."""
        return self.chosen.records.assign(status="accepted")


def plan(view: View) -> gpd.GeoDataFrame:
    """Return what `picture` draws, see ``plans.point_plan``: the very records, colours and size classes of the map on the screen."""
    return plans.point_plan(view.records, view.round_.rules)


def differences(layer: Any, view: View) -> pd.DataFrame:
    """Return the records that the map on the screen and the printed picture draw differently, none when both hold the same.

    Parameters
    ----------
    layer
        The layer of points (``OneMap.points``), while it holds points and no groups.

    Returns
    -------
    `record_id, colour, buyer, radius_px` of the screen and, with the ending ``_print``, of `plan`; NA on the side that lacks the record.
    """
    rows = []
    for own in (feature["properties"] for feature in layer.data["features"]):
        hollow = own["style"]["fillColor"] == "#FFFFFF"
        colour = own["style"]["color" if hollow else "fillColor"]
        rows.append((own["record_id"], colour, hollow, own["style"]["radius"]))
    screen = pd.DataFrame(rows, columns=["record_id", "colour", "buyer", "radius_px"])
    paper = plan(view).assign(radius_px=lambda rows: plans.radius_px(rows["area_pt2"]))[screen.columns]
    both = screen.merge(paper, on="record_id", how="outer", suffixes=("", "_print"), validate="1:1")
    same = [both[name].eq(both[f"{name}_print"]) for name in screen.columns[1:]]
    return both[~np.logical_and.reduce(same)].reset_index(drop=True)


def town_marks(view: View) -> "SeatMarks | None":
    """Return the township figure that `picture` draws at the seats: the shading of the screen, in its classes and colours."""
    from originmap import seatmarks

    if view.shading is None or not view.shading.fits:
        return None
    return seatmarks.of(view.shading, view.round_, lang=view.lang)


def picture(view: View) -> "Figure":
    """Draw the view as a printed map, A4, with all its furniture, at a round scale that holds what is in sight."""
    from originmap import figures

    places = view.round_.places
    whole = view.bounds is None or shapely.box(*view.bounds).covers(shapely.box(*places.townships.total_bounds))
    said = view.sentence if len(view.sentence) <= _LONGEST_NOTE else f"{view.sentence[: _LONGEST_NOTE - 1]}…"
    furniture = replace(
        figures.furniture(view.round_, lang=view.lang), note=phrase("taken_of", view.lang, sentence=said)
    )
    present = set(view.records["product"].dropna())
    products = [product for product in view.round_.rules.products if product in present] or None
    bounds = None if whole else view.bounds
    return figures.distribution_map(
        view.records, places, view.round_.rules, furniture, products=products, bounds=bounds, towns=town_marks(view)
    )


def save(view: View, folder: Path | str, form: str) -> list[Path]:
    """Write the view in one of `FORMS` into a folder (one of the project's, unless it is absolute) and return the files.

    Raises
    ------
    OutputError
        The folder cannot be written to, or a file there is held open by another program, or the gate stops what must not leave; nothing has changed then.
    """
    target = PROJECT / folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".") as scratch:
            _WRITERS[form](view, Path(scratch) / f"{view.stem}.{form}")
            gate.inspect(Path(scratch), gate.Watch.of(view.round_))
            made = sorted(Path(scratch).iterdir())
            return [path.replace(target / path.name) for path in made]
    except PermissionError as error:
        raise OutputError(
            f"{Path(error.filename or target).name} 写不进去，可能正被别的程序打开；请关闭后再导出。"
        ) from error
    except OSError as error:
        raise OutputError(f"不能写到 {folder}：{error.strerror}。") from error


def _picture(view: View, path: Path) -> None:
    from originmap import figures

    figures.save(picture(view), path.with_name(view.stem))


def _page(view: View, path: Path) -> None:
    from originmap import onepage

    onepage.write(
        path.with_name(f"{view.stem}.html"), view.round_, view.chosen.records, sentence=view.sentence, lang=view.lang
    )


def _gpkg(view: View, path: Path) -> None:
    from originmap import gisfiles

    gisfiles.write_project(path, view.round_, view.chosen.records, title=view.sentence)


def _geojson(view: View, path: Path) -> None:
    from originmap import gisfiles, handover

    gisfiles.write_geojson(path, handover.points(view.chosen.records, view.round_.rules))


def _kml(view: View, path: Path) -> None:
    from originmap import gisfiles, handover

    gisfiles.write_kml(
        path, handover.points(view.chosen.records, view.round_.rules), view.round_.rules, title=view.sentence
    )


def _xlsx(view: View, path: Path) -> None:
    from originmap import exports, handover

    notes = [
        f"已定位 {int((view.chosen.keep & view.chosen.board.located).sum())} / {len(view.chosen)} 条。",
        view.sentence,
        *exports.stamp(view.round_),
    ]
    exports.write_xlsx(path, handover.everything(view.chosen.records, view.round_.rules), title="产地记录", notes=notes)


_WRITERS: Final = {"picture": _picture, "page": _page, "gpkg": _gpkg, "geojson": _geojson, "kml": _kml, "xlsx": _xlsx}


class Takeaway:
    """A row of buttons that write what is in view, one a form.

    Attributes
    ----------
    buttons
        ``{form: button}``, see `FORMS`.
    said
        HTML of where the files are, or of what is wrong.
    view
        The row, to be displayed.
    """

    def __init__(self, look: Callable[[], View], out: Path | str = OUT, lang: Lang = "zh") -> None:
        """Build the row; `look` tells what is in view when a button is pressed, `out` where files go."""
        self._look, self._out, self._say = look, out, partial(phrase, lang=lang)
        self.buttons = {
            form: ipywidgets.Button(description=self._say(f"take_{form}"), layout={"width": "auto"}) for form in FORMS
        }
        for form, button in self.buttons.items():
            button.on_click(lambda _, form=form: self._save(form))
        self.said = ipywidgets.HTML()
        title = ipywidgets.HTML(f"<b>{escape(self._say('take'))}</b>")
        row = ipywidgets.HBox([title, *self.buttons.values()], layout={"flex_flow": "row wrap"})
        self.view = ipywidgets.VBox([row, self.said])

    def _save(self, form: str) -> None:
        self.buttons[form].disabled = True
        self.said.value = self._say("taking")
        try:
            view = self._look()
            names = joined([path.name for path in save(view, self._out, form)], view.lang)
            text = self._say("taken", folder=Path(self._out).as_posix(), names=names)
            lost = len(view.chosen) - int((view.chosen.keep & view.chosen.board.located).sum())
            self.said.value = escape(text + (" " + self._say("taken_lost", n=lost) if lost else ""))
        except OutputError as error:
            self.said.value = f"<b style='color:#B00020'>{escape(str(error))}</b>"
        finally:
            self.buttons[form].disabled = False
