import io
import warnings

import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting import (
    ablation,
    comparison,
    contact_sheet,
    distribution,
    history,
    scatter,
    style,
)

NAMES = ["shirt", "shoe", "bag"]


def render(figure):
    """Draws the figure; anything matplotlib complains about is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png")
    return figure


@pytest.mark.parametrize("count", [1, 3, 500])
@pytest.mark.parametrize("shape", [(28, 28), (8, 20)])
def test_contact_sheet_of_any_number_and_shape(count, shape):
    images = np.zeros((count, *shape), np.uint8)
    figure = render(contact_sheet.contact_sheet(images, "Sheet"))
    assert figure.axes[0].get_title() == f"Sheet: {min(count, 96)} of {count}"


def test_contact_sheet_shows_each_image_once():
    images = np.repeat(np.arange(6, dtype=np.uint8), 4).reshape(6, 2, 2) * 40
    sheet = contact_sheet.contact_sheet(images, "t", columns=3).axes[0].images[0].get_array()
    assert [int(sheet[r, c]) for r in (0, 3) for c in (0, 3, 6)] == [0, 40, 80, 120, 160, 200]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", [(28, 28), (8, 20)])
def test_examples_show_each_image_at_its_place(known, shape):
    images = np.arange(6, dtype=np.uint8).repeat(np.prod(shape)).reshape(6, *shape) * 40
    examples = {0: (np.array([5]), np.array([1])), 4: (np.array([2, 3]), np.array([4, 0]))}
    strange = np.array([False, True, False, False, False, False]) if known else None
    figure = render(contact_sheet.examples_figure(images, examples, strange, "T"))
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    height, width = shape[0] + 4, shape[1] + 4
    right = 2 * width + shape[1] // 2
    middle = np.array([height // 2, width // 2])
    places = {5: (0, 0), 1: (0, right), 2: (height, 0), 3: (height, width), 4: (height, right)}
    for image, place in places.items():
        assert sheet[tuple(middle + place)].tolist() == [40 * image] * 3
        frame = list(contact_sheet.FRAME) if known and image == 1 else [255] * 3
        assert sheet[place].tolist() == frame
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["0", "4"]


def test_history_has_one_labeled_panel_per_curve():
    table = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "other": [0, 1]})
    figure = render(history.history_figure(table, "T", {"loss": "Loss", "other": "Other"}))
    assert [a.get_ylabel() for a in figure.axes] == ["Loss", "Other"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [2, 1])


@pytest.mark.parametrize("groups", [1, 3, 10, 25])
def test_scatter_names_every_group_outside_the_data(groups):
    points = np.random.default_rng(0).normal(size=(200, 2))
    labels = np.arange(200) % groups
    projection = pd.DataFrame(points, columns=["one", "two"])
    figure = render(
        scatter.scatter_figure(
            projection,
            labels,
            [f"g{i}" for i in range(groups)],
            "T",
        )
    )
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == groups
    assert legend.get_bbox_to_anchor().x0 > figure.axes[0].bbox.x1


def test_names_move_apart_until_none_covers_another():
    places = np.array([[0, 0], [0.1, 0.01], [0.05, 0.02], [5, 0]])
    size = np.array([1, 0.5])
    moved = scatter.spread_out(places, size)
    np.testing.assert_array_equal(moved[3], [5, 0])
    for i in range(4):
        for j in range(i):
            gap = np.abs(moved[i] - moved[j])
            assert (gap >= size * 0.999).any()


CLUSTERS = pd.DataFrame({"cluster": [1, 1, 1, 0, 0, 1], "label": [0, 0, 1, 7, 7, 7]})


def test_distribution_table_counts_by_hand():
    table = distribution.distribution_table(CLUSTERS, NAMES)
    assert list(table.columns) == distribution.COLUMNS
    assert [tuple(r) for r in table.itertuples(index=False)] == [
        (0, 7, "7", 2, 1.0, 2),
        (1, 0, "shirt", 2, 0.5, 4),
        (1, 1, "shoe", 1, 0.25, 4),
        (1, 7, "7", 1, 0.25, 4),
    ]


def test_contingency_is_the_same_table_spread_out():
    table = distribution.contingency(distribution.distribution_table(CLUSTERS, NAMES))
    assert table.to_numpy().tolist() == [[0, 0, 2], [2, 1, 1]]
    assert list(table.columns) == [(0, "shirt"), (1, "shoe"), (7, "7")]


def test_distribution_without_labels_is_an_empty_table_with_its_columns():
    table = distribution.distribution_table(CLUSTERS.drop(columns="label"), NAMES)
    assert list(table.columns) == distribution.COLUMNS
    assert table.empty


@pytest.mark.parametrize("clusters", [1, 3, 4, 10, 12, 13, 30])
def test_distribution_and_confusion_for_any_number_of_clusters(clusters):
    table = np.random.default_rng(0).integers(0, 50, (clusters, 3))
    render(distribution.distribution_figure(table, NAMES, "T"))
    figure = distribution.confusion_figure(table, np.arange(clusters), NAMES, "T")
    render(figure)
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == [str(v) for v in table.T.ravel()]
    render(distribution.cluster_size_figure(np.arange(clusters), "T"))


SCORES = {"silhouette": 0.1, "dbi": 2.0, "chi": 100.0, "chi_normalized": 0.46, "n_images": 9}
COST = {"time_s": 1.0, "memory_mb": 5.0, "representation": "pixels", "clusterer": "kmeans"}


@pytest.mark.parametrize("labeled", [True, False])
def test_comparison(labeled):
    truth = {"acc": 0.5, "nmi": 0.4, "ari": 0.3} if labeled else {}
    rows = [{"method": m, **SCORES, **COST, **truth} for m in "ab"]
    table = comparison.comparison_table(rows)
    assert list(table.columns) == comparison.COLUMNS
    titles = {"a": "Method A", "b": "Method B"}
    published = {"a": {"nmi": 0.45, "chi": 0.6}}
    figure = render(comparison.comparison_figure(table, titles, published, "b"))
    shown = [a.get_title() for a in figure.axes if a.get_title()]
    assert len(shown) == (6 if labeled else 3)
    text = comparison.printed_table(table, titles, {"a": 0.2, "b": 0.3}, "b")
    assert "* Method B" in text
    assert "nan" not in text


def test_ablation_table_and_figure():
    row = dict.fromkeys(ablation.COLUMNS, 0.4) | {"epochs": 5}
    table = ablation.ablation_table([{**row, "case": "b"}, {**row, "case": "a"}])
    assert list(table["case"]) == ["a", "b"]
    render(ablation.ablation_figure(table, {"a": {"nmi": 0.39}}))


@pytest.mark.parametrize("count", [1, 10, 11, 40])
def test_colors_are_distinct(count):
    assert len({tuple(c) for c in style.colors(count)}) == count
