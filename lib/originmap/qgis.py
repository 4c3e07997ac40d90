"""QGIS: styles and a project that look like our map, as texts in QGIS's own XML.

Colours, size classes and breaks are those of `plans`, never set anew. A style is what stands in a GeoPackage's ``layer_styles``, a project points to the
GeoPackage beside it by a relative path and holds the same styles.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import pyproj

from originmap.handover import GAPS, GRID, LOST, PLOTS, POINTS, TESTS, TOWNS, Table
from originmap.places import Places
from originmap.plans import COVERAGE_COLOURS, SIZE_PT2, UNSIZED_PT2, class_label, coverage_labels, markers, size_breaks
from originmap.rules import Rules
from originmap.vocab import code, codes

# The version whose form the XML has: the oldest that is looked after and the one that it is tried with.
_VERSION: Final = "3.22.16"
_CELL, _CELL_RIM, _NO_DATA, _RIM = "#F4F1E8", "#8C8778", "#E3E3E3", "#4A4A4A"  # as on the screen
_PASS, _FAIL, _PLOT = "#3C8D40", "#B00020", "#6A4C00"
# matplotlib's marker: QGIS's name, turned by, and the share of its square that is ink.
_SHAPES: Final[Mapping[str, tuple[str, int, float]]] = {
    "o": ("circle", 0, math.pi / 4),
    "s": ("square", 0, 1.0),
    "^": ("triangle", 0, 0.5),
    "v": ("triangle", 180, 0.5),
    "<": ("triangle", 270, 0.5),
    ">": ("triangle", 90, 0.5),
    "p": ("pentagon", 0, 0.594),
    "8": ("octagon", 0, 0.828),
    "D": ("diamond", 0, 0.5),
    "P": ("cross_fill", 0, 0.36),
    "X": ("cross_fill", 45, 0.36),
    "h": ("hexagon", 0, 0.65),
    "*": ("star", 0, 0.28),
}
_LABEL: Final = "\"township\" || '\\n' || coalesce(format_number({rate}, 0) || '%', {status})"


class Style(NamedTuple):
    """How one table is drawn under one name: the XML inside ``<qgis>`` or ``<maplayer>``, whether it has labels, and is switched on at first."""

    table: str
    name: str
    body: str
    labels: bool = False
    shown: bool = True

    @property
    def qml(self) -> str:
        """The style as a file of its own, as ``layer_styles`` keeps it."""
        head = {"version": _VERSION, "styleCategories": "AllStyleCategories", "labelsEnabled": str(int(self.labels))}
        return _tag("qgis", head, self.body) + "\n"


def styles(tables: Sequence[Table], rules: Rules, places: Places) -> list[Style]:
    """Return the styles of tables, bottom to top as a map stacks them; of several styles of one table the first is its default."""
    by_name = {table.name: table for table in tables}
    made: list[Style] = []
    if TOWNS in by_name:
        made.append(_townships(by_name[TOWNS], places))
    if GAPS in by_name:
        made += [_coverage(by_name[GAPS], rules, product) for product in rules.baseline_products]
    if GRID in by_name:
        made += [_grid(by_name[GRID], rules, product) for product in ("", *rules.products)]
    if PLOTS in by_name:
        made.append(_plots(by_name[PLOTS]))
    if POINTS in by_name:
        made.append(_points(by_name[POINTS], rules))
    if TESTS in by_name:
        made.append(_tests(by_name[TESTS]))
    return made


def project(tables: Sequence[Table], rules: Rules, places: Places, *, file: str, crs: str, title: str) -> str:
    """Return a project (.qgs) that shows `file`, a GeoPackage beside it in `crs`, as our map.

    Of coverage and tests nothing is switched on: a map shows one thing at first. What has no point is a table.
    """
    by_name = {table.name: table for table in tables}
    # QGIS gives a layer another id, a random one, where this one has ten characters or less.
    layers = [(f"originmap_{style.table}_{number}", style)
              for number, style in enumerate(styles(tables, rules, places))][::-1]  # fmt: skip
    if LOST in by_name:
        layers.append((f"originmap_{LOST}", Style(LOST, code("gis_table", LOST), _aliases(by_name[LOST]))))
    tree, stored = [], []
    for number, style in layers:
        table = by_name[style.table]
        source = f"./{file}|layername={table.name}"
        look = {"id": number, "name": style.name, "source": source, "providerKey": "ogr",
                "checked": "Qt::Checked" if style.shown else "Qt::Unchecked", "expanded": str(int(style.table == POINTS))}  # fmt: skip
        tree.append(_tag("layer-tree-layer", look))
        kind = {"Point": "Point", "MultiPolygon": "Polygon", "": "No geometry"}[table.shape]
        parts = [_tag("id", {}, number), _tag("datasource", {}, escape(source)), _tag("layername", {}, escape(style.name)),
                 _tag("srs", {}, _crs(crs)) if table.shape else "", _tag("provider", {"encoding": "UTF-8"}, "ogr"), style.body]  # fmt: skip
        about = {"type": "vector", "geometry": kind, "labelsEnabled": str(int(style.labels))}
        stored.append(_tag("maplayer", about, *parts))
    measure = str(rules["county"]["measure_crs"])
    # A grid's squares stand beyond the county's edge.
    what = by_name[GRID].frame if GRID in by_name and len(by_name[GRID].frame) else places.townships
    west, south, east, north = what.geometry.to_crs(measure).total_bounds
    air = 0.03 * max(east - west, north - south)
    sides = {"xmin": west - air, "ymin": south - air, "xmax": east + air, "ymax": north + air}
    extent = _tag("extent", {}, *(_tag(name, {}, f"{value:.1f}") for name, value in sides.items()))
    canvas = _tag("mapcanvas", {"name": "theMapCanvas"}, _tag("units", {}, "meters"), extent, _tag("rotation", {}, "0"),
                  _tag("destinationsrs", {}, _crs(measure)))  # fmt: skip
    return _tag(
        "qgis",
        {"version": _VERSION, "projectname": title},
        _tag("homePath", {"path": ""}),
        _tag("title", {}, escape(title)),
        _tag("projectCrs", {}, _crs(measure)),
        _tag("layer-tree-group", {}, *tree),
        canvas,
        _tag("projectlayers", {}, *stored),
        _tag("layerorder", {}, *(_tag("layer", {"id": number}) for number, _ in layers)),
        _tag("properties", {}, _tag("Paths", {}, _tag("Absolute", {"type": "bool"}, "false")),
             _tag("SpatialRefSys", {}, _tag("ProjectionsEnabled", {"type": "int"}, "1"))),
    ) + "\n"  # fmt: skip


def _points(table: Table, rules: Rules) -> Style:
    """Products by colour and shape, sizes by class, buyers hollow."""
    buyer = code("subject_type", "buyer")
    shapes, sides = markers(rules), [math.sqrt(area) for area in SIZE_PT2]
    cases = " ".join(f'WHEN "size_class" = {index} THEN {side:.3f}' for index, side in enumerate(sides))
    bought = set(table.frame.loc[table.frame["buyer"], "product"])
    categories: list[str] = []
    symbols: list[str] = []

    def add(said: str, look: Mapping[str, str], size: str = "") -> None:
        name = str(len(symbols))
        symbols.append(_symbol("marker", name, "SimpleMarker", look, size=size))
        categories.append(
            _tag("category", {"value": said, "label": said, "symbol": name, "render": "true", "type": "string"})
        )

    for product in rules.products.values():
        shape, turned, ink = _SHAPES[shapes[product.code]]
        size = f"(CASE {cases} ELSE {math.sqrt(UNSIZED_PT2):.3f} END) * {1 / math.sqrt(ink):.3f}"
        look = {"name": shape, "angle": str(turned), "color": _rgb(product.colour), "outline_color": _rgb("#FFFFFF"),
                "outline_width": "0.35", "outline_width_unit": "Point", "size": "4", "size_unit": "Point"}  # fmt: skip
        add(product.name, look, size)
        if product.name in bought:
            hollow = {"color": _rgb("#FFFFFF"), "outline_color": _rgb(product.colour), "outline_width": "1.1"}
            add(f"{product.name}（{buyer}）", look | hollow, size)
    # No row has these values: they are the legend's sizes.
    for index, side in enumerate(sides):
        texts = [f"{class_label(edges, index)}{code('size_unit', unit)}" for unit, edges in size_breaks(rules).items()]
        grey = {"name": "circle", "color": _rgb("#777777"), "outline_color": _rgb("#FFFFFF"), "size_unit": "Point"}
        add(f"规模 {' · '.join(texts)}", grey | {"size": f"{side / math.sqrt(math.pi / 4):.3f}"})
    asked = f'if("buyer", "product" || \'（{buyer}）\', "product")'
    renderer = _tag("renderer-v2", {"type": "categorizedSymbol", "attr": asked, "symbollevels": "0"},
                    _tag("categories", {}, *categories), _tag("symbols", {}, *symbols))  # fmt: skip
    return Style(POINTS, table.title, renderer + _aliases(table, '"subject_name"'))


def _coverage(table: Table, rules: Rules, product: str) -> Style:
    """Coverage of one crop by class; unknown is grey with a dashed rim and its reason, never a class."""
    index, rate, status = (f'"{product}_{name}"' for name in ("coverage_class", "coverage_pct", "gap_status"))
    looks = [
        (f"{index} = {number}", text, {"color": _rgb(colour), "outline_color": _rgb(_RIM), "outline_width": "0.26"})
        for number, (colour, text) in enumerate(zip(COVERAGE_COLOURS, coverage_labels(rules), strict=True))
    ]
    unknown = {"color": _rgb(_NO_DATA), "outline_color": _rgb(_RIM), "outline_style": "dash", "outline_width": "0.26"}
    statuses = [text for name, text in codes("gap_status").items() if name not in ("balanced", "short", "over")]
    looks += [(f"{index} IS NULL AND {status} = '{text}'", f"{text}（不是 0）", unknown) for text in statuses]
    looks.append(("ELSE", "底数为 0，不计覆盖率", unknown))
    name = f"覆盖率·{rules.products[product].name}"
    label = _LABEL.format(rate=rate, status=status)
    return Style(
        GAPS, name, _rules(looks) + _labelling(label) + _aliases(table, '"township"'), labels=True, shown=False
    )


def _townships(table: Table, places: Places) -> Style:
    schematic = places.quality == "schematic"
    look = {"color": _rgb(_CELL), "outline_color": _rgb(_CELL_RIM), "outline_width": "0.2"}
    name = table.title + ("（示意单元，非行政区域界线）" if schematic else "")
    return Style(
        TOWNS,
        name,
        _single("fill", "SimpleFill", look) + _labelling('"township"') + _aliases(table, '"township"'),
        labels=True,
    )


def _grid(table: Table, rules: Rules, only: str) -> Style:
    """Squares with the number of subjects, in their product's colour, seen through: of one product, or of all, which lie over one another."""
    products = [rules.products[only]] if only else list(rules.products.values())
    looks = [
        (
            f"\"product\" = '{product.name}'",
            product.name,
            {"color": _rgb(product.colour, 110), "outline_color": _rgb(product.colour), "outline_width": "0.26"},
        )
        for product in products
    ]
    label = f"if(\"product\" = '{products[0].name}', \"subjects\", '')" if only else '"subjects"'
    name = f"{table.title}·{products[0].name}" if only else table.title
    body = _rules(looks) + _labelling(label) + _aliases(table, '"product"')
    return Style(GRID, name, body, labels=True, shown=only == next(iter(rules.products)))


def _plots(table: Table) -> Style:
    look = {"color": "0,0,0,0", "style": "no", "outline_color": _rgb(_PLOT), "outline_width": "0.5"}
    return Style(PLOTS, table.title, _single("fill", "SimpleFill", look) + _aliases(table, '"subject_name"'))


def _tests(table: Table) -> Style:
    categories, symbols = [], []
    for name, (result, colour) in enumerate(zip(codes("test_result").values(), (_PASS, _FAIL), strict=True)):
        look = {"name": "asterisk_fill", "color": _rgb(colour), "outline_color": _rgb("#FFFFFF"),
                "outline_width": "0.3", "outline_width_unit": "Point", "size": "11" if colour == _FAIL else "7", "size_unit": "Point"}  # fmt: skip
        symbols.append(_symbol("marker", str(name), "SimpleMarker", look))
        about = {"value": result, "label": result, "symbol": str(name), "render": "true", "type": "string"}
        categories.append(_tag("category", about))
    renderer = _tag("renderer-v2", {"type": "categorizedSymbol", "attr": "test_result", "symbollevels": "0"},
                    _tag("categories", {}, *categories), _tag("symbols", {}, *symbols))  # fmt: skip
    return Style(TESTS, table.title, renderer + _aliases(table, '"subject_name"'), shown=False)


def _rules(looks: Sequence[tuple[str, str, dict[str, str]]]) -> str:
    symbols = [_symbol("fill", str(at), "SimpleFill", look) for at, (_, _, look) in enumerate(looks)]
    entries = [
        _tag("rule", {"key": f"r{at}", "filter": test, "label": text, "symbol": str(at)})
        for at, (test, text, _) in enumerate(looks)
    ]
    return _tag(
        "renderer-v2",
        {"type": "RuleRenderer", "symbollevels": "0"},
        _tag("rules", {"key": "root"}, *entries),
        _tag("symbols", {}, *symbols),
    )


def _single(kind: str, layer: str, look: dict[str, str]) -> str:
    symbol = _tag("symbols", {}, _symbol(kind, "0", layer, look))
    return _tag("renderer-v2", {"type": "singleSymbol", "symbollevels": "0"}, symbol)


def _symbol(kind: str, name: str, layer: str, look: Mapping[str, str], *, size: str = "") -> str:
    own = _options(look)
    if size:
        asked = _options({"active": "true", "expression": size, "type": "3"}, name="size", active="bool", type="int")
        kept = _tag(
            "Option",
            {"type": "Map"},
            _option("name", ""),
            _tag("Option", {"type": "Map", "name": "properties"}, asked),
            _option("type", "collection"),
        )
        own += _tag("data_defined_properties", {}, kept)
    inner = _tag("layer", {"class": layer, "enabled": "1", "pass": "0", "locked": "0"}, own)
    return _tag("symbol", {"type": kind, "name": name, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"}, inner)


def _labelling(expression: str) -> str:
    buffer = _tag(
        "text-buffer", {"bufferDraw": "1", "bufferSize": "0.7", "bufferSizeUnits": "MM", "bufferColor": _rgb("#FFFFFF")}
    )
    style = _tag("text-style", {"fieldName": expression, "isExpression": "1", "fontSize": "8", "fontSizeUnit": "Point", "textColor": _rgb("#222222"),
                                "multilineHeight": "1"}, buffer)  # fmt: skip
    placement = _tag("placement", {"placement": "1", "centroidInside": "1", "centroidWhole": "1", "quadOffset": "4"})
    return _tag(
        "labeling",
        {"type": "simple"},
        _tag("settings", {}, style, placement, _tag("rendering", {"displayAll": "1", "obstacle": "0"})),
    )


def _aliases(table: Table, preview: str = "") -> str:
    names = [
        _tag("alias", {"index": str(at), "field": name, "name": text})
        for at, (name, text) in enumerate(table.aliases.items(), start=1)
    ]
    return _tag("aliases", {}, *names) + (_tag("previewExpression", {}, escape(preview)) if preview else "")


def _crs(name: str) -> str:
    # QGIS takes a CRS from its WKT: a code alone is not enough for it.
    return _tag("spatialrefsys", {}, _tag("wkt", {}, escape(pyproj.CRS(name).to_wkt())), _tag("authid", {}, name))


def _options(values: Mapping[str, str], *, name: str = "", **types: str) -> str:
    inner = [_option(key, value, types.get(key, "QString")) for key, value in values.items()]
    return _tag("Option", {"type": "Map"} | ({"name": name} if name else {}), *inner)


def _option(name: str, value: str, kind: str = "QString") -> str:
    return _tag("Option", {"name": name, "type": kind, "value": value})


def _rgb(colour: str, alpha: int = 255) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + f",{alpha}"


def _tag(tag: str, attributes: Mapping[str, str], *inner: str) -> str:
    """Return an element; attributes are escaped here, what stands inside is XML already."""
    own = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{own}>{''.join(inner)}</{tag}>" if inner else f"<{tag}{own}/>"
