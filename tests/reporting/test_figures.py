import io
import math
import re
import warnings
from html import unescape

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_hex, to_rgba
from matplotlib.text import Text

from fashion_mocluster.reporting import (
    comparison,
    contact_sheet,
    distribution,
    history,
    scatter,
    style,
)

NAMES = ["shirt", "shoe", "bag"]
# As long as those of the project's own methods, and with what is no formula.
TITLE = r"MoCo, $self-labeled$, \whitened $maps + TURTLE"


def render(figure, **arguments):
    """Draws the figure; anything matplotlib complains about is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), **{"format": "png", **arguments})
    return figure


def legends_and_titles(figure):
    """The boxes of all legends and of all titles, in pixels, once the figure is laid out."""
    render(figure)
    axes = [a for a in figure.axes if a.axison]
    legends = [*figure.legends, *(a.get_legend() for a in axes if a.get_legend())]
    titles = [a.title for a in axes]
    titles += [t for t in (figure._suptitle, figure._supxlabel) if t]
    labels = [label for a in axes for label in (a.xaxis.label, a.yaxis.label)]
    shown = [t.get_window_extent() for t in (*titles, *labels) if t.get_text()]
    return [legend.get_window_extent() for legend in legends], shown


def check_layout(figure):
    """No legend covers a title, a label or data, and no title reaches out of the figure."""
    legends, texts = legends_and_titles(figure)
    panels = [a.get_window_extent() for a in figure.axes]
    for legend in legends:
        assert not any(legend.overlaps(box) for box in (*texts, *panels))
    for box in texts:
        assert figure.bbox.x0 - 1 <= box.x0
        assert box.x1 <= figure.bbox.x1 + 1
    return figure


@pytest.mark.parametrize("count", [1, 3, 500])
@pytest.mark.parametrize("shape", [(28, 28), (8, 20)])
def test_contact_sheet_of_any_number_and_shape(count, shape):
    images = np.zeros((count, *shape), np.uint8)
    figure = render(contact_sheet.contact_sheet(images, "Sheet"))
    assert figure.get_suptitle() == f"Sheet: {min(count, 96)} of {count}"


def test_sheets_in_color():
    colors = np.array([(200, 0, 0), (0, 100, 0), (30, 60, 120)], np.uint8)
    images = np.broadcast_to(colors[:, None, None], (3, 6, 4, 3))
    sheet = contact_sheet.contact_sheet(images, "t").axes[0].images[0].get_array()
    assert sheet[2, [1, 6, 11]].tolist() == colors.tolist()
    figure = contact_sheet.examples_figure(images, {0: (np.array([2]), np.array([1]))}, None, "t")
    shown = np.asarray(figure.axes[0].images[0].get_array()).reshape(-1, 3)
    assert set(map(tuple, shown.tolist())) == {(30, 60, 120), (0, 100, 0), (255, 255, 255)}


def test_contact_sheet_shows_each_image_once():
    images = np.repeat(np.arange(6, dtype=np.uint8), 4).reshape(6, 2, 2) * 40
    sheet = contact_sheet.contact_sheet(images, "t", columns=3).axes[0].images[0].get_array()
    assert [int(sheet[r, c]) for r in (0, 3) for c in (0, 3, 6)] == [0, 40, 80, 120, 160, 200]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", [(28, 28), (8, 20)])
def test_examples_show_each_image_at_its_place(known, shape):
    images = np.arange(6, dtype=np.uint8).repeat(np.prod(shape)).reshape(6, *shape) * 40
    examples = {0: (np.array([5]), np.array([1])), 4: (np.array([2, 3]), np.array([4, 0]))}
    mismatched = np.array([False, True, False, False, False, False]) if known else None
    figure = render(contact_sheet.examples_figure(images, examples, mismatched, "T"))
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
    figure = check_layout(history.history_figure(table, "T", {"loss": "Loss", "other": "Other"}))
    assert [a.get_ylabel() for a in figure.axes] == ["Loss", "Other"]
    for axes, column in zip(figure.axes, ("loss", "other"), strict=True):
        np.testing.assert_array_equal(axes.lines[0].get_xydata(), table[["epoch", column]])


@pytest.mark.parametrize("groups", [1, 30])
def test_scatter_colors_points_by_group_and_names_every_group_outside_the_data(groups):
    points = np.random.default_rng(0).normal(size=(200, 2))
    labels = np.arange(200) % groups
    projection = pd.DataFrame(points, columns=["one", "two"])
    # A name that begins with an underscore would by default be left out of a legend.
    names = ["_g0", *(f"g{i}" for i in range(1, groups))]
    figure = check_layout(scatter.scatter_figure(projection, labels, names, TITLE))
    axes = figure.axes[0]
    legend = axes.get_legend()
    sizes = np.bincount(labels)
    texts = [t.get_text() for t in legend.get_texts()]
    assert texts == [f"{name} ({size})" for name, size in zip(names, sizes, strict=True)]
    palette = [to_rgba(color) for color in style.colors(groups)]
    drawn = axes.collections[0]
    where = {tuple(point): label for point, label in zip(points, labels, strict=True)}
    for point, color in zip(drawn.get_offsets(), drawn.get_facecolors(), strict=True):
        assert tuple(color[:3]) == palette[where[tuple(point)]][:3]
    assert [to_rgba(h.get_color()) for h in legend.legend_handles] == palette


def test_names_move_apart_until_none_covers_another():
    places = np.array([[0, 0], [0.1, 0.01], [0.05, 0.02], [5, 0]])
    size = np.array([1, 0.5])
    moved = scatter.spread_out(places, size)
    np.testing.assert_array_equal(moved[3], [5, 0])
    for i in range(4):
        for j in range(i):
            gap = np.abs(moved[i] - moved[j])
            assert (gap >= size * 0.999).any()


@pytest.mark.parametrize("last_is_unsorted", [False, True])
def test_gray_is_for_images_in_no_group_and_not_for_a_class_of_that_name(last_is_unsorted):
    points = pd.DataFrame(np.eye(3, 2), columns=["x", "y"])
    names = ["unsorted", "shoe", "bag"]
    figure = scatter.scatter_figure(
        points, np.arange(3), names, TITLE, last_is_unsorted=last_is_unsorted
    )
    palette = [handle.get_color() for handle in figure.axes[0].get_legend().legend_handles]
    last = scatter.UNSORTED_COLOR if last_is_unsorted else style.colors(3)[2]
    assert palette == [*style.colors(3)[:2], last]


def test_very_many_names_stay_where_they_are():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 3)
    points = pd.DataFrame(rng.normal(size=(300, 2)), columns=["x", "y"])
    names = [f"class {i}" for i in range(100)]
    (axes,) = scatter.scatter_figure(points, groups, names, "Many").axes
    medians = points.groupby(groups).median().to_numpy()
    places = {text.get_text(): text.get_position() for text in axes.texts}
    np.testing.assert_allclose([places[name] for name in names], medians)


CLUSTERS = pd.DataFrame({"cluster": [1, 1, 1, 0, 0, 1], "label": [0, 0, 1, 7, 7, 7]})


def test_distribution_table_counts_by_hand():
    table = distribution.distribution_table(CLUSTERS, NAMES)
    assert list(table.columns) == distribution.COLUMNS
    assert [tuple(line) for line in table.itertuples(index=False)] == [
        (0, 7, "7", 2, 1.0, 2),
        (1, 0, "shirt", 2, 0.5, 4),
        (1, 1, "shoe", 1, 0.25, 4),
        (1, 7, "7", 1, 0.25, 4),
    ]


def test_contingency_is_the_same_table_spread_out():
    table = distribution.distribution_table(CLUSTERS, NAMES)
    counts = distribution.contingency(table)
    assert counts.to_numpy().tolist() == [[0, 0, 2], [2, 1, 1]]
    assert list(counts.columns) == [(0, "shirt"), (1, "shoe"), (7, "7")]
    assert distribution.contingency(table, [0, 1, 2]).loc[2].to_list() == [0, 0, 0]


def test_shares_of_classes_carry_the_marks_of_the_thesis():
    clusters = pd.DataFrame({"cluster": [0] * 10 + [4] * 10, "label": [0] * 10 + [0, 1] * 5})
    clusters.loc[18:, "label"] = 2
    # Two classes of one name are told apart.
    table = distribution.distribution_table(clusters, ["shirt", "bag", "shirt"])
    text, marks = distribution.class_table(table)
    assert list(text.columns) == ["cluster", "shirt (1)", "bag", "shirt (3)"]
    assert text.to_numpy().tolist() == [["0", "1.000", "", ""], ["4", "0.400", "0.400", "0.200"]]
    assert marks.to_numpy().tolist() == [["", "dominant", "", ""], ["", *["confused"] * 3]]


def test_distribution_without_labels_is_an_empty_table_with_its_columns():
    table = distribution.distribution_table(CLUSTERS.drop(columns="label"), NAMES)
    assert list(table.columns) == distribution.COLUMNS
    assert table.empty


LABEL = ["Label_ID", "Label_Name"]


def random_counts(clusters, names):
    """Of clusters that are not numbered from 0, one of them -1."""
    counts = np.random.default_rng(0).integers(1, 50, (clusters, len(names)))
    columns = pd.MultiIndex.from_tuples(enumerate(names), names=LABEL)
    return pd.DataFrame(counts, [*range(3, clusters + 2), -1], columns)


@pytest.mark.parametrize("clusters", [1, 13])
def test_distribution_shows_the_shares_of_every_class_in_every_cluster(clusters):
    # Two classes of the same name have a bar each.
    table = random_counts(clusters, ["a", "b", "a"])
    figure = check_layout(distribution.distribution_figure(table, TITLE))
    (axes,) = figure.axes
    bars, frames = axes.collections
    corners = np.reshape([path.vertices[:4] for path in bars.get_paths()], (clusters, 3, 4, 2))
    colors = np.reshape([to_hex(c).upper() for c in bars.get_facecolors()], (clusters, 3))
    panels = np.array([path.vertices[:4] for path in frames.get_paths()])
    np.testing.assert_allclose(np.ptp(panels, axis=1), [[1, 3.2]] * clusters)
    for shown, color, panel, counts in zip(corners, colors, panels, table.to_numpy(), strict=True):
        share = counts / counts.sum()
        np.testing.assert_allclose(np.ptp(shown, axis=1), np.stack([share, [0.8] * 3], 1))
        np.testing.assert_allclose(shown.min(1) - panel.min(0), [[0, i + 0.2] for i in range(3)])
        assert list(color) == [style.OURS if s > 0.5 else style.THEIRS for s in share]
    places = {tuple(place) for place in axes.transData.transform(panels[:, 0]).round()}
    assert len(places) == clusters  # no panel lies on another
    written = [text.get_text() for text in axes.texts]
    rows = math.ceil(clusters / 5)
    assert [written.count(name) for name in "ab"] == [2 * rows, rows]
    assert f"Cluster unsorted ({table.loc[-1].sum():,})" in written


@pytest.mark.parametrize("clusters", [1, 12])
def test_confusion_has_clusters_in_the_order_of_their_classes(clusters):
    table = random_counts(clusters, NAMES)
    order = np.random.default_rng(1).permutation(clusters)
    figure = check_layout(distribution.confusion_figure(table, order, TITLE))
    shown = table.to_numpy()[order].T
    assert [t.get_text() for t in figure.axes[0].texts] == [str(v) for v in shown.ravel() if v]
    labels = [t.get_text().replace("unsorted", "-1") for t in figure.axes[0].get_xticklabels()]
    assert labels == [str(c) for c in table.index[order]]
    share = shown / shown.sum(1, keepdims=True)
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), share)


def test_cluster_sizes_are_counts_of_empty_clusters_too():
    figure = check_layout(
        distribution.cluster_size_figure(np.array([2, -1, 2, 2]), TITLE, [-1, 0, 2, 3])
    )
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 0, 3, 0]
    labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert labels == ["unsorted", "0", "2", "3"]
    few = distribution.cluster_size_figure(np.array([2, 0, 2, 2]), TITLE)
    assert [bar.get_height() for bar in few.axes[0].patches] == [1, 3]


SCORES = {"silhouette": 0.1, "dbi": 2.0, "chi": 100.0, "chi_normalized": 0.46, "n_images": 9}
COST = {"time_s": 1.0, "memory_mb": 5.0, "representation": "pixels", "clusterer": "kmeans"}
TITLES = {"a": "Method A", "b": "Method B"}
BEST = {"method": "b", "neighbor_mi": {"a": 0.2, "b": 0.3}}


@pytest.mark.parametrize("labeled", [True, False])
def test_comparison_shows_the_table_and_the_published_scores(labeled):
    truth = {"acc": 0.5, "nmi": 0.4, "ari": 0.3} if labeled else {}
    both = [{"method": m, **SCORES, **COST, **truth} for m in "ab"]
    both[1] |= {"silhouette": -0.05, "dbi": 1.5}
    table = comparison.comparison_table(both)
    assert list(table.columns) == comparison.COLUMNS
    published = {"a": {"nmi": 0.45, "chi": 0.6, "acc": None}, "b": {"chi": 0.7}}
    figure = check_layout(comparison.comparison_figure(table, TITLES, published, BEST))
    table["neighbor_mi"] = [0.2, 0.3]
    shown = {title: score for score, title in comparison.SCORES.items()}
    panels = {shown[a.get_title()]: a for a in figure.axes if a.get_title()}
    assert len(panels) == (7 if labeled else 4)
    for score, axes in panels.items():
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(table[score]))
        assert [t.get_text() for t in axes.texts] == [f"{v:.3f}" for v in table[score]]
    marks = panels["chi_normalized"].collections[0].get_offsets()
    np.testing.assert_allclose(marks, [[0.6, 0], [0.7, 1]])
    if labeled:
        np.testing.assert_allclose(panels["nmi"].collections[0].get_offsets(), [[0.45, 0]])
        assert not panels["acc"].collections
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert names == ["Method A", "Method B *"]
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert set(legend) == {"published in the thesis (10,000 images)", "this run"}
    assert not comparison.comparison_figure(table, TITLES, {}, BEST).legends


def test_the_printed_table_explains_what_it_shows():
    table = comparison.comparison_table([{"method": m, **SCORES, **COST} for m in "ab"])
    shown = [table, TITLES, {"a": 0.2, "b": 0.3}, "b"]
    text = comparison.printed_table(*shown, ["b", "c"], {"b": 0.00251})
    assert "* Method B" in text
    assert "* Method A" not in text
    assert "nan" not in text
    assert text.split()[:3] == ["method", "neighbor_mi", "silhouette"]  # no labels, no ACC
    assert text.splitlines()[-3:] == [
        "assume clusters of equal size: Method B",
        "silhouette of a random sample of the images, standard error: Method B 0.0025",
        "* best without labels: highest mutual information between the clusters of neighboring "
        "points (neighbor_mi, in nats)",
    ]
    bare = comparison.printed_table(*shown)
    assert "equal size" not in bare
    assert "sample" not in bare


@pytest.mark.parametrize("count", [1, 10, 11, 40])
def test_colors_are_distinct(count):
    assert len({tuple(c) for c in style.colors(count)}) == count


def test_dollar_signs_are_printed_as_they_are():
    """Matplotlib reads text between dollar signs as a formula: it stops at what is none, and sets
    prices in italics.
    """
    texts = ["Ba$$in", r"A $\x$", "Shirt $5-$10", TITLE]
    figure = style.new_figure(4, 3)
    axes = figure.subplots()
    axes.bar(texts[:1], [1], label=texts[1])
    axes.plot([], label="other")
    axes.set_title(texts[2])
    figure.suptitle(texts[3])
    style.legend_below(figure)
    content = io.BytesIO()
    with rc_context({"svg.fonttype": "none"}):  # which keeps texts as texts
        figure.savefig(content, format="svg")
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", content.getvalue().decode())
    assert set(texts) <= set(map(unescape, shown))
    render(figure)


def test_figures_of_others_keep_their_formulas():
    render(style.new_figure(1, 1))
    assert Text().get_parse_math()
