import numpy as np
import pandas as pd

from fashion_mocluster.reporting.literature import literature_table, new_images_table
from fashion_mocluster.reporting.results import RunResults

LITERATURE = [
    {"title": "Middling", "images": "70k", "acc": 0.6, "nmi": 0.7, "ari": None, "source": "2020"},
    {"title": "Best", "images": "60k", "acc": 0.79, "nmi": None, "ari": None, "source": "2022"},
    {"title": "No ACC", "images": "10k", "acc": None, "nmi": 0.5, "ari": 0.4, "source": "2021"},
]
METHODS = {"a": {"title": "A & co"}, "b": {"title": "B"}}


def run(seed, a, b, best="a", predicted=None):
    comparison = pd.DataFrame(
        {"method": ["a", "b"], "representation": "moco", "n_images": 1000}
        | {"acc": [a, b], "nmi": [a, b], "ari": [a, b]}
    )
    parameters = {"evaluation": {"methods": METHODS}, "predict": {"method": "best"}}
    values = {"run_info": {"parameters": parameters}, "best_method": {"method": best}}
    if predicted is not None:
        values["prediction_scores"] = {"n_images": 2000, "mean_confidence": 0.9, **predicted}
    tables = {"clustering_comparison": comparison}
    files = {"recipe": "p", "seed": seed, "tables": tables, "values": values, "figures": {}}
    return RunResults.from_files(files)


def lines_of(table):
    return table.fillna("").to_numpy().tolist()


def test_clusterings_stand_in_order_of_acc_with_mean_and_deviation():
    runs = [run(0, 0.70, 0.50, best="a"), run(1, 0.72, 0.54, best="b")]
    lines = lines_of(literature_table(runs, LITERATURE))
    assert lines == [
        ["Best", "2022", "60k", "0.790", "", "", ""],
        ["A & co", "p", "1,000", *["0.710 ± 0.014"] * 3, "2"],
        ["Chosen without labels", "p", "1,000", *["0.620 ± 0.113"] * 3, "2"],
        ["Middling", "2020", "70k", "0.600", "0.700", "", ""],
        ["B", "p", "1,000", *["0.520 ± 0.028"] * 3, "2"],
        ["No ACC", "2021", "10k", "", "0.500", "0.400", ""],
    ]
    chosen = [0.70, 0.54]
    assert f"{np.mean(chosen):.3f} {np.std(chosen, ddof=1):.3f}" == "0.620 0.113"


def test_new_images_have_lines_of_their_own():
    scores = {"method": "b", "acc": 0.65, "nmi": 0.6, "ari": 0.5}
    runs = [run(0, 0.7, 0.5, predicted=scores), run(1, 0.7, 0.5)]
    line = ["B", "p", "2,000 new", "0.650", "0.600", "0.500", "1"]
    assert line in lines_of(literature_table(runs, LITERATURE))
    assert lines_of(new_images_table(runs)) == [[*line[:3], "0.900", *line[3:]]]


def test_new_images_without_labels_are_not_set_beside_literature():
    runs = [run(0, 0.7, 0.5, predicted={"method": "a"})]
    assert lines_of(new_images_table(runs)) == [
        ["A & co", "p", "2,000 new", "0.900", "", "", "", "1"]
    ]
    [line] = lines_of(new_images_table([run(0, 0.7, 0.5, predicted={})]))
    assert line[0] == "not recorded"
    assert not any("new" in line[2] for line in lines_of(literature_table(runs, LITERATURE)))
    assert new_images_table([run(0, 0.7, 0.5)]).empty


def test_without_literature_or_labels():
    assert literature_table([run(0, 0.7, 0.5)], []).empty
    lines = lines_of(literature_table([run(0, np.nan, np.nan)], LITERATURE))
    assert [line[0] for line in lines] == ["Best", "Middling", "No ACC"]
