import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer
from scipy.stats import ttest_rel

from fashion_mocluster.reporting.ablation import ablation_figure, claims_table


def table(seed, cases="abcdefg"):
    """b is better than a by .1, e better than f, all else alike but for noise."""
    level = {"a": 0.3, "f": 0.38}
    noise = np.random.default_rng(seed).normal(scale=0.005, size=len(cases))
    nmi = [level.get(c, 0.4) + n for c, n in zip(cases, noise, strict=True)]
    return pd.DataFrame(
        {"case": list(cases), "epochs": 2, "nmi": nmi, "ari": nmi, "acc": 0.5, "silhouette": 0.1}
    )


def test_claims_are_paired_t_tests():
    tables = [table(seed) for seed in range(5)]
    claims = claims_table(tables).set_index("cases")
    assert len(claims) == 6
    assert claims.loc["a to b", "nmi_verdict"] == "holds"
    assert claims.loc["e to f", "nmi_verdict"] == "holds"  # bigger is worse, as claimed
    values = {c: [t.set_index("case").loc[c, "nmi"] for t in tables] for c in "bcef"}
    expected = ttest_rel(values["c"], values["b"], alternative="greater").pvalue
    assert claims.loc["b to c", "nmi_p"] == pytest.approx(expected)
    expected = ttest_rel(values["e"], values["f"], alternative="greater").pvalue
    assert claims.loc["e to f", "nmi_p"] == pytest.approx(expected)
    flipped = [t.assign(nmi=-t["nmi"]) for t in tables]
    assert claims_table(flipped).set_index("cases").loc["a to b", "nmi_verdict"] == "contradicted"


def test_one_seed_gives_no_confidence():
    claims = claims_table([table(0)])
    assert set(claims["nmi_verdict"]) == {"one seed, no confidence"}
    assert claims["nmi_p"].isna().all()


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.0, "not shown"), (0.25, "holds"), (-0.25, "contradicted")]
)
def test_several_seeds_that_agree_to_the_last_digit_are_not_one_seed(gain, verdict):
    one = pd.DataFrame({"case": ["a", "b"], "nmi": [0.5, 0.5 + gain], "ari": [0.5, 0.5 + gain]})
    claims = claims_table([one, one])
    assert claims["seeds"].item() == 2
    assert claims["nmi_verdict"].item() == verdict


def test_without_labels_nothing_is_claimed():
    bare = [table(seed).assign(nmi=np.nan, ari=np.nan) for seed in (0, 1)]
    assert claims_table(bare).empty


def test_cases_that_were_not_run_claim_nothing():
    claims = claims_table([table(0, "abg"), table(1, "abg")])
    assert list(claims["cases"]) == ["a to b"]


def test_the_figure_shows_means_deviations_and_published_scores():
    runs = {"one": [table(0), table(1)], "two": [table(2, "ag")]}
    figure = ablation_figure(runs, {"b": {"nmi": 0.39}})
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == [f"{c}\n2" for c in "abcdefg"]
    one, two = (container for container in axes.containers if isinstance(container, BarContainer))
    both = np.array([t["nmi"] for t in runs["one"]])
    assert [bar.get_height() for bar in one] == pytest.approx(both.mean(0))
    lower, upper = np.array(one.errorbar[2][0].get_segments())[:, :, 1].T
    np.testing.assert_allclose((upper - lower) / 2, both.std(0, ddof=1))
    heights = [bar.get_height() for bar in two]
    assert heights[0] == table(2, "ag")["nmi"][0]
    assert np.isnan(heights[1:6]).all()
    np.testing.assert_allclose(axes.collections[-1].get_offsets(), [[1, 0.39]])
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert legend == ["published in the thesis", "one", "two"]
