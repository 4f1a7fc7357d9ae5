import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from fashion_mocluster.reporting.selection import (
    rank_correlations,
    scored_methods,
    selection_figure,
    selection_table,
)

METHODS = {"a": "pixels", "b": "pixels", "c": "moco", "d": "own", "e": "own"}


def run(seed, acc, information, protocol="p", best=None):
    comparison = pd.DataFrame(
        {"method": list(METHODS), "representation": list(METHODS.values()), "acc": acc}
    )
    best_method = {
        "method": best or max(information, key=information.get),
        "representation": "own",
        "neighbor_information": information,
    }
    return {
        "protocol": protocol,
        "seed": seed,
        "tables": {"clustering_comparison": comparison},
        "values": {"best_method": best_method},
        "figures": {},
    }


def drawn(seed, protocol="p"):
    rng = np.random.default_rng(seed)
    return run(seed, rng.random(5), dict(zip(METHODS, rng.random(5), strict=True)), protocol)


def cells(page):
    found = re.findall(r"<td[^>]*>(.*?)</td>", page.partition("<tbody>")[2])
    return [re.sub("<[^>]*>", "", cell) for cell in found]


def test_correlations_are_those_of_scipy():
    runs = [drawn(1), drawn(2), drawn(1, "q")]
    found = rank_correlations(scored_methods(runs))
    for line, each in zip(found.itertuples(), runs, strict=True):
        acc = each["tables"]["clustering_comparison"]["acc"].to_numpy()
        information = list(each["values"]["best_method"]["neighbor_information"].values())
        assert (line.protocol, line.seed) == (each["protocol"], each["seed"])
        assert line.all == pytest.approx(spearmanr(information, acc)[0])
        assert line.others == pytest.approx(spearmanr(information[:3], acc[:3])[0])
        assert line.acc == acc[np.argmax(information)]
        assert line.best == acc.max()


def test_the_table_has_mean_and_range_of_each_protocol():
    order = dict(zip(METHODS, range(5), strict=True))
    ranked = run(0, [0.1, 0.2, 0.3, 0.4, 0.5], order)
    turned = run(1, [0.2, 0.1, 0.3, 0.4, 0.6], order)
    assert cells(selection_table([ranked, turned])) == [
        *("p", ".95 (.90 to 1.00)", ".75 (.50 to 1.00)", ".550 ± .071", ".550 ± .071", "2"),
    ]
    single = run(0, [0.1, 0.2, 0.3, 0.7, 0.5], order, "q")
    assert cells(selection_table([single])) == ["q", ".90", "1.00", ".500", ".700", "1"]


def test_too_few_rows_have_no_correlation():
    few = run(0, [0.1, 0.2, np.nan, 0.3, 0.4], dict(zip(METHODS, range(5), strict=True)))
    line = rank_correlations(scored_methods([few])).iloc[0]
    assert line["all"] == pytest.approx(1)
    assert np.isnan(line["others"])
    assert cells(selection_table([few]))[2] == ""


def test_rows_that_nobody_judged_and_runs_without_labels_are_left_out():
    information = dict(zip(METHODS, range(5), strict=True))
    del information["b"]
    assert scored_methods([run(0, [0.1] * 5, information)])["method"].tolist() == [
        "a",
        "c",
        "d",
        "e",
    ]
    unlabeled, unjudged = run(0, np.nan, information), drawn(1)
    del unjudged["values"]["best_method"]
    for nothing in ([], [unlabeled], [unjudged]):
        assert scored_methods(nothing).empty
        assert selection_table(nothing) is None
        assert selection_figure(nothing) is None


def test_the_figure_has_a_panel_per_protocol_and_every_row():
    runs = [drawn(1), drawn(2), drawn(1, "q")]
    first, second = selection_figure(runs).axes
    assert (first.get_title(), second.get_title()) == ("p", "q")
    judged = scored_methods(runs)
    for axes, protocol in ((first, "p"), (second, "q")):
        rows = judged[judged["protocol"] == protocol]
        points = np.vstack([c.get_offsets() for c in axes.collections if len(c.get_offsets())])
        expected = np.vstack(
            [rows[["information", "acc"]], rows[rows["chosen"]][["information", "acc"]]]
        )
        assert sorted(map(tuple, points)) == sorted(map(tuple, expected))
