import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.seeds import (
    format_mean_std,
    format_number,
    over_seeds,
    printed_means,
)

LINES = pd.DataFrame(
    {"method": list("abbaa"), "nmi": [0.5, 0.2, np.nan, 0.6, 0.9], "seed": 0, "label": "x"}
)


def test_mean_and_deviation_are_those_of_numpy():
    table = over_seeds(LINES, ["method"])
    assert list(table.index) == ["a", "b"]
    values = np.array([0.5, 0.6, 0.9])
    assert tuple(table.loc["a", "nmi"]) == pytest.approx((values.mean(), values.std(ddof=1), 3))
    assert np.isnan(table.loc["b", ("nmi", "std")])


def test_a_seed_without_a_score_is_told():
    printed = printed_means(over_seeds(LINES, ["method"]), {"nmi": "NMI", "ari": "ARI"})
    assert printed.to_dict("index") == {
        "a": {"NMI": "0.667 ± 0.208", "seeds": "3"},
        "b": {"NMI": "0.200 (1)", "seeds": "2"},
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5834, "0.583"), (-0.02, "-0.020"), (0, "0.000"), (float("nan"), ""), (None, "")],
)
def test_scores_have_three_digits(value, text):
    assert format_number(value) == text


def test_large_numbers_have_separators_and_one_seed_has_no_spread():
    assert format_number(18619.73, 1) == "18,619.7"
    assert format_mean_std(0.5, 0.01) == "0.500 ± 0.010"
    assert format_mean_std(0.5, float("nan")) == "0.500"
    assert format_mean_std(float("nan"), float("nan")) == ""
