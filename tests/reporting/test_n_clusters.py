import pandas as pd

from fashion_mocluster.reporting.n_clusters import n_clusters_figure
from tests.reporting.test_figures import check_layout


def test_the_curve_and_the_chosen_number_are_drawn():
    curve = pd.DataFrame({"n_clusters": [2, 3, 4], "modularity": [0.4, 0.6, 0.5]})
    figure = check_layout(n_clusters_figure(curve, 3))
    (axes,) = figure.axes
    line, mark = axes.lines
    assert line.get_xydata().tolist() == curve.to_numpy().tolist()
    assert set(mark.get_xdata()) == {3}
    assert axes.get_ylabel() == "modularity"
    assert axes.get_title() == "3 clusters, chosen without labels"
