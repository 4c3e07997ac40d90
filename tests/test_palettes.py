"""Colours hold for everybody: told apart under each kind of colour-blindness, classes in grey too; where grey cannot, a second sign does.

Distances are those of CAM02-UCS, in which 1 is about the least that is seen; dots and cells a screen apart need some ten times as much.
"""

from itertools import combinations, pairwise

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from originmap import plans
from originmap.rules import load_rules
from originmap.shading import MEASURES

FLOOR = 10.0
KINDS = ("as drawn", "deuteranomaly", "protanomaly", "tritanomaly", "grey")


def rgb(colour):
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def seen(colour, kind):
    """Return a colour as somebody sees it (colour-blindness at its severest) or a grey copy shows it, sRGB 0 … 1."""
    plain = rgb(colour)
    if kind == "as drawn":
        return plain
    if kind == "grey":
        lightness, _, hue = cspace_convert(plain, "sRGB1", "JCh")
        return np.clip(cspace_convert([lightness, 0, hue], "JCh", "sRGB1"), 0, 1)
    return np.clip(cspace_convert(plain, {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}, "sRGB1"), 0, 1)


def nearest(colours, kind):
    """Return the smallest distance between any two of some colours, and which two."""
    found = [
        (float(deltaE(seen(one, kind), seen(other, kind), input_space="sRGB1")), one, other)
        for one, other in combinations(colours, 2)
    ]
    return min(found)


def lightness(colours):
    return [float(cspace_convert(rgb(colour), "sRGB1", "CAM02-UCS")[0]) for colour in colours]


@pytest.fixture(scope="module")
def rules():
    return load_rules()


@pytest.mark.parametrize("kind", KINDS[:4])
def test_products_are_told_apart(rules, kind):
    assert nearest([product.colour for product in rules.products.values()], kind) > (FLOOR,)


def test_products_that_grey_confuses_have_a_shape_of_their_own(rules):
    """Eight colours are too many for grey: no lightness is left between them. In print each has a shape; on the screen each has its line and its name."""
    colours = {name: product.colour for name, product in rules.products.items()}
    alike = [pair for pair in combinations(colours, 2) if nearest([colours[name] for name in pair], "grey") <= (FLOOR,)]
    assert alike
    shapes = plans.markers(rules)
    assert [pair for pair in alike if shapes[pair[0]] == shapes[pair[1]]] == []


@pytest.mark.parametrize("kind", KINDS[:4])
def test_coverage_classes_are_told_apart(kind):
    assert nearest(plans.COVERAGE_COLOURS, kind) > (FLOOR,)


def test_coverage_grows_lighter_up_to_balance_and_darker_beyond_it_in_grey_too():
    rising, beyond = plans.COVERAGE_COLOURS[: plans.BALANCED + 1], plans.COVERAGE_COLOURS[plans.BALANCED :]
    for arm in (rising, beyond[::-1]):
        assert lightness(arm) == sorted(lightness(arm))
        assert all(nearest(pair, "grey") > (FLOOR,) for pair in pairwise(arm))
    # A class above balance may be as dark as one below it: it is hatched.
    assert plans.OVER_HATCH


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", ["area_mu", "pass_pct"])
def test_classes_of_townships_are_told_apart_in_one_order_of_lightness(measure, kind):
    colours = MEASURES[measure].colours
    assert nearest(colours, kind) > (FLOOR,)
    assert lightness(colours) == sorted(lightness(colours), reverse=MEASURES[measure].total)


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (["#FF0000", "#00A000", "#0000FF"], "grey"),
        (["#D7302A", "#7A8B1E"], "deuteranomaly"),
        (["#A0522D", "#556B2F"], "protanomaly"),
        (["#00A0A0", "#00A860"], "tritanomaly"),
        (["#0072B2", "#0078B8"], "as drawn"),
    ],
)
def test_a_bad_palette_is_seen(bad, kind):
    assert nearest(bad, kind) <= (FLOOR,)
