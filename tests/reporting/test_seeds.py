import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.seeds import (
    differences,
    format_large,
    format_mean_std,
    format_metric,
    format_p,
    over_seeds,
)

TABLES = [
    pd.DataFrame({"method": ["a", "b"], "nmi": [0.5, 0.2], "label": "x"}),
    pd.DataFrame({"method": ["b", "a"], "nmi": [0.4, 0.6], "label": "x"}),
    pd.DataFrame({"method": ["a"], "nmi": [0.9], "label": "x"}),
]


def test_mean_and_deviation_are_those_of_numpy():
    table = over_seeds(TABLES, ["method"])
    assert list(table.index) == ["a", "b"]
    mean, std, count = table.loc["a", "nmi"]
    values = np.array([0.5, 0.6, 0.9])
    assert (mean, std, count) == pytest.approx((values.mean(), values.std(ddof=1), 3))
    assert table.loc["b", ("nmi", "count")] == 2


def test_a_single_seed_has_no_deviation():
    assert np.isnan(over_seeds(TABLES[:1], ["method"]).loc["a", ("nmi", "std")])


def test_differences_pair_the_seeds_that_have_both():
    paired = differences(TABLES, "method", "a", "b", ["nmi"])
    np.testing.assert_allclose(paired["nmi"], [0.3, 0.2])
    assert differences(TABLES, "method", "a", "c", ["nmi"]).empty


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5834, "0.583"),
        (-0.02, "-0.020"),
        (1.97, "1.970"),
        (0, "0.000"),
        (float("nan"), ""),
        (None, ""),
    ],
)
def test_scores_have_three_digits(value, text):
    assert format_metric(value) == text


def test_large_numbers_have_separators():
    assert [format_large(v, 1) for v in (18619.73, float("nan"), None)] == ["18,619.7", "", ""]


def test_spread_is_left_out_where_there_is_none():
    assert format_mean_std(0.5, 0.01) == "0.500 ± 0.010"
    assert format_mean_std(0.5, float("nan")) == "0.500"
    assert format_mean_std(float("nan"), float("nan")) == ""


def test_no_p_value_is_zero():
    assert [format_p(p) for p in (0.031, 0.0004, 0, float("nan"))] == [
        "p = 0.03",
        "p < 0.01",
        "p < 0.01",
        "",
    ]
