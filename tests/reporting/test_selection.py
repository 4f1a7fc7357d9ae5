import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from scipy.stats import spearmanr

from fashion_mocluster.reporting.results import RunResults
from fashion_mocluster.reporting.selection import (
    rank_correlations,
    scored_methods,
    selection_figure,
    selection_table,
)
from fashion_mocluster.reporting.style import colors
from tests.reporting.test_figures import check_layout

METHODS = {"a": "pixels", "b": "pixels", "c": "moco", "d": "own", "e": "own"}


def run(seed, acc, neighbor_mi, protocol="p"):
    comparison = pd.DataFrame(
        {"method": list(METHODS), "representation": list(METHODS.values()), "acc": acc}
    )
    return RunResults(
        protocol,
        seed,
        comparison=comparison,
        best_method=max(neighbor_mi, key=neighbor_mi.get, default=""),
        neighbor_mi=neighbor_mi,
        criterion_representation="own",
    )


def random_run(seed, protocol="p"):
    rng = np.random.default_rng(seed)
    return run(seed, rng.random(5), dict(zip(METHODS, rng.random(5), strict=True)), protocol)


def cells(results):
    return selection_table(results).iloc[0].astype(str).tolist()


def test_correlations_are_those_of_scipy():
    runs = [random_run(1), random_run(2), random_run(1, "q")]
    found = rank_correlations(scored_methods(runs))
    for line, each in zip(found.itertuples(), runs, strict=True):
        acc, information = each.comparison["acc"].to_numpy(), list(each.neighbor_mi.values())
        assert (line.protocol, line.seed) == (each.protocol, each.seed)
        assert line.all == pytest.approx(spearmanr(information, acc)[0])
        assert line.others == pytest.approx(spearmanr(information[:3], acc[:3])[0])
        assert line.acc == acc[np.argmax(information)]
        assert line.best == acc.max()


def test_the_table_has_mean_and_range_of_each_protocol():
    order = dict(zip(METHODS, range(5), strict=True))
    ranked = run(0, [0.1, 0.2, 0.3, 0.4, 0.5], order)
    turned = run(1, [0.2, 0.1, 0.3, 0.4, 0.6], order)
    assert cells([ranked, turned]) == [
        *("p", "0.95 (0.90 to 1.00)", "0.75 (0.50 to 1.00)", "0.550 ± 0.071", "0.550 ± 0.071", "2"),
    ]
    single = run(0, [0.1, 0.2, 0.3, 0.7, 0.5], order, "q")
    assert cells([single]) == ["q", "0.90", "1.00", "0.500", "0.700", "1"]


def test_too_few_methods_have_no_correlation():
    few = run(0, [0.1, 0.2, np.nan, 0.3, 0.4], dict(zip(METHODS, range(5), strict=True)))
    line = rank_correlations(scored_methods([few])).iloc[0]
    assert line["all"] == pytest.approx(1)
    assert np.isnan(line["others"])
    assert cells([few])[2] == ""


def test_methods_without_criterion_and_runs_without_labels_are_left_out():
    information = dict(zip(METHODS, range(5), strict=True))
    del information["b"]
    scored = scored_methods([run(0, [0.1] * 5, information)])
    assert scored["method"].tolist() == ["a", "c", "d", "e"]
    for nothing in ([], [run(0, np.nan, information)], [run(0, [0.1] * 5, {})]):
        assert scored_methods(nothing).empty
        assert selection_table(nothing).empty
        assert selection_figure(nothing) is None


def test_the_figure_has_a_panel_per_protocol_a_point_per_method_and_a_ring_per_choice():
    results = [random_run(1), random_run(2), random_run(1, "a protocol (reproduced)")]
    figure = selection_figure(results)
    assert [axes.get_title() for axes in figure.axes] == ["p", "a protocol (reproduced)"]
    scored = scored_methods(results)
    names = list(dict.fromkeys(METHODS.values()))
    color = {n: to_rgba(c) for n, c in zip(names, colors(len(names)), strict=True)}
    for axes in figure.axes:
        methods = scored[scored["protocol"] == axes.get_title()]
        points, rings = axes.collections[:2]
        columns = ["neighbor_mi", "acc"]
        np.testing.assert_array_equal(points.get_offsets(), methods[columns])
        found = list(map(tuple, points.get_facecolors()))
        assert found == [color[name] for name in methods["representation"]]
        np.testing.assert_array_equal(rings.get_offsets(), methods[methods["chosen"]][columns])
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [*names, "chosen"]
    check_layout(figure)
