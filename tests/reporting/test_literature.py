import re

import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.literature import new_images_table, peers_table

PEERS = [
    {"title": "Middling", "images": "70k", "acc": 0.6, "nmi": 0.7, "ari": None, "source": "2020"},
    {"title": "Best", "images": "60k", "acc": 0.79, "nmi": None, "ari": None, "source": "2022"},
    {"title": "No ACC", "images": "10k", "acc": None, "nmi": 0.5, "ari": 0.4, "source": "2021"},
]
METHODS = {"a": {"title": "A & co"}, "b": {"title": "B"}}


def run(seed, a, b, best="a", predicted=None):
    comparison = pd.DataFrame(
        {"method": ["a", "b"], "n_images": 1000, "acc": [a, b], "nmi": [a, b], "ari": [a, b]}
    )
    parameters = {"evaluation": {"methods": METHODS}, "predict": {"method": "b"}}
    values = {"run_info": {"parameters": parameters}, "best_method": {"method": best}}
    if predicted is not None:
        values["prediction_scores"] = {"n_images": 2000, "mean_share": 0.9, **predicted}
    tables = {"clustering_comparison": comparison}
    return {"protocol": "p", "seed": seed, "tables": tables, "values": values, "figures": {}}


def rows_of(page):
    """The words of each cell, row by row, without the tags."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page.partition("<tbody>")[2])
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", r)]
        for r in rows
    ]


def test_rows_stand_in_order_of_acc_with_mean_and_deviation():
    runs = [run(0, 0.70, 0.50, best="a"), run(1, 0.72, 0.54, best="b")]
    rows = rows_of(peers_table(runs, PEERS))
    assert rows == [
        ["Best", "2022", "60k", ".790", "", "", ""],
        ["A &amp; co", "p", "1,000", *[".710 ± .014"] * 3, "2"],
        ["Chosen without labels", "p", "1,000", *[".620 ± .113"] * 3, "2"],
        ["Middling", "2020", "70k", ".600", ".700", "", ""],
        ["B", "p", "1,000", *[".520 ± .028"] * 3, "2"],
        ["No ACC", "2021", "10k", "", ".500", ".400", ""],
    ]
    chosen = [0.70, 0.54]
    assert f"{np.mean(chosen):.3f} {np.std(chosen, ddof=1):.3f}" == "0.620 0.113"


def test_only_ours_are_bold():
    page = peers_table([run(0, 0.7, 0.5)], PEERS)
    assert "<b>A &amp; co</b>" in page
    assert "<b>.700</b>" in page
    assert "<b>Best" not in page
    assert "<b>.790" not in page


def test_new_images_are_rows_of_their_own():
    scores = {"acc": 0.65, "nmi": 0.6, "ari": 0.5}
    runs = [run(0, 0.7, 0.5, predicted=scores), run(1, 0.7, 0.5)]
    assert ["B", "p", "2,000 new", ".650", ".600", ".500", "1"] in rows_of(peers_table(runs, PEERS))
    assert rows_of(new_images_table(runs)) == [["B", "p", "2,000 new", ".650", ".600", ".500", "1"]]


@pytest.mark.parametrize("predicted", [None, {}])
def test_nothing_is_said_of_new_images_without_labels(predicted):
    assert new_images_table([run(0, 0.7, 0.5, predicted=predicted)]) is None


def test_without_peers_or_labels():
    assert peers_table([run(0, 0.7, 0.5)], []) is None
    rows = rows_of(peers_table([run(0, np.nan, np.nan)], PEERS))
    assert [row[0] for row in rows] == ["Best", "Middling", "No ACC"]
