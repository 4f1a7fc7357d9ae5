import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from scipy.stats import spearmanr

from fashion_mocluster.reporting.results import RunResults
from fashion_mocluster.reporting.selection import selection_figure
from fashion_mocluster.reporting.style import colors
from tests.reporting.test_figures import check_layout

METHODS = {"a": "pixels", "b": "pixels", "c": "moco", "d": "own", "e": "own"}


def run(seed, recipe="p", **changes):
    rng = np.random.default_rng(seed)
    comparison = pd.DataFrame(
        {"method": list(METHODS), "representation": list(METHODS.values()), "acc": rng.random(5)}
    )
    information = dict(zip(METHODS, rng.random(5), strict=True))
    best = max(information, key=information.get)
    return RunResults(recipe, seed, comparison.assign(**changes), best, information)


def test_a_panel_per_recipe_a_point_per_method_and_a_ring_per_choice():
    results = [run(1), run(2), run(1, "a long recipe (reproduced)")]
    figure = check_layout(selection_figure(results))
    names = list(dict.fromkeys(METHODS.values()))
    color = {n: to_rgba(c) for n, c in zip(names, colors(len(names)), strict=True)}
    for axes, shown in zip(figure.axes, (results[:2], results[2:]), strict=True):
        pairs = [
            (r.neighbor_mi[m], a) for r in shown for m, a in r.comparison[["method", "acc"]].values
        ]
        rhos = [spearmanr(list(r.neighbor_mi.values()), r.comparison["acc"])[0] for r in shown]
        assert axes.get_title() == f"{shown[0].recipe}: rank correlation {np.mean(rhos):.2f}"
        points, rings = axes.collections[:2]
        np.testing.assert_array_equal(points.get_offsets(), pairs)
        assert list(map(tuple, points.get_facecolors())) == [
            color[name] for name in METHODS.values()
        ] * len(shown)
        best = [max(pairs[5 * i : 5 * i + 5]) for i in range(len(shown))]
        np.testing.assert_array_equal(rings.get_offsets(), best)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [*names, "chosen"]


def test_methods_without_criterion_are_left_out():
    partial = run(1)
    del partial.neighbor_mi["b"]
    assert len(selection_figure([partial]).axes[0].collections[0].get_offsets()) == 4


@pytest.mark.parametrize("nothing", [[], [run(1, acc=np.nan)], [RunResults("p", 0)]])
def test_without_labels_there_is_nothing_to_show(nothing):
    assert selection_figure(nothing) is None
