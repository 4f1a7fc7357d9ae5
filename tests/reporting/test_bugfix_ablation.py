import io
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer

from fashion_mocluster.reporting.bugfix_ablation import effect_figure, effect_table


def table(seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"case": case, "issue": finding, "change": case, "row": row, "epochs": 2}
            | {score: rng.random() for score in ("nmi", "ari", "acc")}
            for case, finding in (("thesis", None), ("views", 8), ("all", None))
            for row in ("moco", "finetuned")
        ]
    )


def value(tables, seed, case, row):
    return tables[seed].query("case == @case and row == @row")["nmi"].item()


def test_worth_is_the_paired_difference_to_the_published_recipe():
    tables = [table(seed) for seed in range(4)]
    worth = effect_table(tables).set_index(["case", "row"])
    gains = [
        value(tables, s, "views", "moco") - value(tables, s, "thesis", "moco") for s in range(4)
    ]
    found = worth.loc[("views", "moco")]
    assert found["nmi_mean"] == pytest.approx(np.mean(gains))
    assert found["nmi_std"] == pytest.approx(np.std(gains, ddof=1))
    assert found["seeds"] == 4
    # The reference itself comes with its own scores, first.
    assert worth.index[0] == ("thesis", "moco")
    own = [value(tables, s, "thesis", "finetuned") for s in range(4)]
    assert worth.loc[("thesis", "finetuned"), "nmi_mean"] == pytest.approx(np.mean(own))


def test_figure_shows_every_flip_in_every_panel():
    figure = effect_figure(effect_table([table(0)]))
    assert [len(axes.patches) for axes in figure.axes] == [4, 4, 4]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["8 views", "all"]


@pytest.mark.parametrize(("seeds", "drawn"), [(1, 0), (3, 4)])
def test_a_single_seed_has_no_error_bars(seeds, drawn):
    figure = effect_figure(effect_table([table(seed) for seed in range(seeds)]))
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


def test_cases_are_in_order_of_finding_and_those_of_any_seed_count():
    whole = table(0)
    queue = whole[whole["case"] == "views"].assign(case="queue", issue=1)
    mixed = pd.concat([whole[whole["case"] != "views"], whole[whole["case"] == "views"], queue])
    without = whole[whole["case"] != "views"]
    worth = effect_table([without, mixed])
    assert list(dict.fromkeys(worth["case"])) == ["thesis", "queue", "views", "all"]
    assert worth.set_index(["case", "row"]).loc[("views", "moco"), "seeds"] == 1
    effect_figure(worth)
