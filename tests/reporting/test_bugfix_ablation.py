import io
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer

from fashion_mocluster.reporting.bugfix_ablation import (
    ENCODERS,
    SCORES,
    effect_figure,
    effect_table,
    effects,
)
from fashion_mocluster.reporting.style import SERIES
from tests.reporting.test_figures import check_layout


def table(seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"case": case, "issue": issue, "change": case, "encoder": encoder, "seed": seed}
            | {score: rng.random() for score in ("nmi", "ari", "acc")}
            for case, issue in (("thesis", None), ("views", 8), ("all", None))
            for encoder in ("moco", "finetuned")
        ]
    ).assign(recipe="thesis", epochs=2)


def value(tables, seed, case, encoder):
    return tables[seed].query("case == @case and encoder == @encoder")["nmi"].item()


def test_effect_is_the_paired_difference_to_the_published_protocol():
    tables = [table(seed) for seed in range(4)]
    effect = effects(pd.concat(tables, ignore_index=True)).droplevel(["issue", "change"])
    gains = [
        value(tables, s, "views", "moco") - value(tables, s, "thesis", "moco") for s in range(4)
    ]
    found = tuple(effect.loc[("views", "moco"), "nmi"])
    assert found == pytest.approx((np.mean(gains), np.std(gains, ddof=1), 4))
    # The reference itself comes with its own scores, first.
    assert effect.index[0] == ("thesis", "moco")
    own = [value(tables, s, "thesis", "finetuned") for s in range(4)]
    assert effect.loc[("thesis", "finetuned"), ("nmi", "mean")] == pytest.approx(np.mean(own))


def test_the_figure_shows_the_effect_of_every_case():
    effect = effects(pd.concat([table(0), table(1)], ignore_index=True))
    figure = check_layout(effect_figure(effect))
    lines = effect.droplevel(["issue", "change"])
    for axes, (score, title) in zip(figure.axes, SCORES.items(), strict=True):
        assert axes.get_title() == f"{title} gained"
        bars = [c for c in axes.containers if isinstance(c, BarContainer)]
        for encoder, drawn, color in zip(ENCODERS, bars, SERIES, strict=False):
            expected = [lines.loc[(case, encoder), (score, "mean")] for case in ("views", "all")]
            assert [bar.get_width() for bar in drawn] == pytest.approx(expected)
            assert {to_hex(bar.get_facecolor()).upper() for bar in drawn} == {color}
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["8 views", "all"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == list(ENCODERS.values())


@pytest.mark.parametrize(("seeds", "drawn"), [(1, 0), (3, 4)])
def test_a_single_seed_has_no_error_bars(seeds, drawn):
    figure = effect_figure(effects(pd.concat(map(table, range(seeds)), ignore_index=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png")
    bars = [
        segment
        for container in figure.axes[0].containers
        if isinstance(container, ErrorbarContainer)
        for segment in container[2][0].get_segments()
        if len(segment) and np.isfinite(segment).all()
    ]
    assert len(bars) == drawn


def test_cases_are_in_order_of_issue_and_those_of_any_seed_count():
    whole = table(0)
    queue = whole[whole["case"] == "views"].assign(case="queue", change="queue", issue=1)
    without = table(1)[whole["case"] != "views"]
    runs = pd.concat([without, whole, queue], ignore_index=True)
    effect = effects(runs)
    assert list(effect.index.unique("case")) == ["thesis", "queue", "views", "all"]
    lines = effect_table(runs)
    assert lines["issue"].to_list() == ["", "", "1", "1", "8", "8", "", ""]
    assert lines.iloc[2:4][["corrected", "scored", "seeds"]].to_numpy().tolist() == [
        ["queue", label, "1"] for label in ENCODERS.values()
    ]
    effect_figure(effect)
