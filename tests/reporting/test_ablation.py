import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer
from scipy.stats import ttest_rel

from fashion_mocluster.reporting.ablation import (
    ablation_figure,
    ablation_table,
    claims_table,
    scores_table,
)


def table(seed, cases="abcdefg"):
    """b is better than a by .1, e better than f, all else alike but for noise."""
    level = {"a": 0.3, "f": 0.38}
    noise = np.random.default_rng(seed).normal(scale=0.005, size=len(cases))
    nmi = [level.get(c, 0.4) + n for c, n in zip(cases, noise, strict=True)]
    return pd.DataFrame(
        {"case": list(cases), "epochs": 2, "nmi": nmi, "ari": nmi, "acc": 0.5, "silhouette": 0.1}
    )


def gathered(*tables, recipe="p"):
    return pd.concat(t.assign(recipe=recipe, seed=i) for i, t in enumerate(tables))


def test_claims_are_paired_t_tests():
    tables = [table(seed) for seed in range(5)]
    claims = claims_table(gathered(*tables)).set_index("cases")
    assert len(claims) == 6
    assert claims.loc["a to b", "by NMI"].startswith("holds")
    assert claims.loc["e to f", "by NMI"].startswith("holds")  # bigger is worse, as claimed
    values = {c: [t.set_index("case").loc[c, "nmi"] for t in tables] for c in "bcef"}
    expected = ttest_rel(values["c"], values["b"], alternative="greater").pvalue
    assert claims.loc["b to c", "by NMI"].endswith(f"(p = {expected:.2f})")
    assert ttest_rel(values["e"], values["f"], alternative="greater").pvalue < 0.01
    assert claims.loc["e to f", "by NMI"].endswith("(p < 0.01)")
    gained = np.subtract(values["c"], values["b"])
    expected = f"{gained.mean():.3f} ± {gained.std(ddof=1):.3f}"
    assert claims.loc["b to c", "NMI gained"] == expected
    flipped = gathered(*(t.assign(nmi=-t["nmi"]) for t in tables))
    assert claims_table(flipped)["by NMI"][0].startswith("contradicted")


def test_one_seed_gives_no_confidence():
    assert set(claims_table(gathered(table(0)))["by NMI"]) == {"one seed, no confidence"}


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [(0.0, "not shown (p = 0.50)"), (0.25, "holds (p < 0.01)"), (-0.25, "contradicted (p = 1.00)")],
)
def test_several_seeds_that_agree_to_the_last_digit_are_not_one_seed(gain, verdict):
    one = pd.DataFrame({"case": ["a", "b"], "nmi": [0.5, 0.5 + gain], "ari": [0.5, 0.5 + gain]})
    (claim,) = claims_table(gathered(one, one)).to_dict("records")
    assert (claim["seeds"], claim["by NMI"]) == ("2", verdict)


def test_without_labels_nothing_is_claimed():
    bare = [table(seed).assign(nmi=np.nan, ari=np.nan) for seed in (0, 1)]
    assert claims_table(gathered(*bare)).empty
    assert claims_table(pd.DataFrame()).empty


def test_the_table_has_components_published_scores_and_every_recipe():
    about = {"residual": [False, True], "mlp": [False, True], "size": [20, 34]}
    about |= {"advanced_augmentation": False, "cosine": False}
    own = gathered(table(0, "ac").assign(**about), table(1, "ac").assign(**about), recipe="own")
    shown = scores_table(own, {"c": {"nmi": 0.4839}}).to_dict("records")
    assert [(line["case"], line["results of"]) for line in shown] == [
        *(("a", "the thesis"), ("a", "own"), ("c", "the thesis"), ("c", "own"))
    ]
    assert [shown[3][c] for c in ("ResConn", "MLP", "aug+", "cos", "size", "epochs", "seeds")] == [
        *("✓", "✓", "", "", "34", "2", "2")
    ]
    assert (shown[0]["NMI"], shown[2]["NMI"], shown[1]["ACC"]) == ("", "0.484", "0.500 ± 0.000")
    assert scores_table(pd.DataFrame(), {}).empty


def test_cases_that_were_not_run_claim_nothing():
    claims = claims_table(gathered(table(0, "abg"), table(1, "abg")))
    assert list(claims["cases"]) == ["a to b"]


def test_the_figure_shows_means_deviations_and_published_scores():
    runs = {"one": [table(0), table(1)], "two": [table(2, "ag")]}
    everything = pd.concat(gathered(*tables, recipe=name) for name, tables in runs.items())
    figure = ablation_figure(everything, {"b": {"nmi": 0.39}})
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
    assert legend == ["published in the thesis (10,000 images)", "one", "two"]


def test_without_labels_the_figure_has_the_silhouette_alone():
    scores = [{"case": c, "epochs": 300, "silhouette": 0.1 * i} for i, c in enumerate("gfa")]
    one = ablation_table(scores).assign(recipe="this run", seed=0)
    assert list(one["case"]) == list("afg")
    (axes,) = ablation_figure(one, {"b": {"acc": 0.4}}).axes
    assert axes.get_title() == "Silhouette"
    assert [bar.get_height() for bar in axes.patches] == list(one["silhouette"])
