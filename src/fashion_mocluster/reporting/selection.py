"""Whether the method chosen without labels is a good one: the criterion beside the accuracy."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fashion_mocluster.reporting.results import RunResults, method_scores
from fashion_mocluster.reporting.style import colors, new_figure

CHOSEN = {"s": 90, "facecolors": "none", "edgecolors": "black"}


def selection_figure(results: Sequence[RunResults]) -> Figure | None:
    """A panel per recipe, a point per method and seed, colored by representation, the chosen ones
    with a ring; above it Spearman's rank correlation over the methods, mean over the seeds. None
    where no labels are known.
    """
    scores = method_scores(results).dropna(subset=["neighbor_mi", "acc"])
    if scores.empty:
        return None
    recipes = scores["recipe"].unique()
    representations = scores["representation"].unique()
    color = dict(zip(representations, colors(len(representations)), strict=True))
    figure = new_figure(4.6 * len(recipes) + 2.6, 4.4)
    panels = figure.subplots(1, len(recipes), squeeze=False, sharey=True)[0]
    for axes, recipe in zip(panels, recipes, strict=True):
        methods = scores[scores["recipe"] == recipe]
        shades = methods["representation"].map(color)
        axes.scatter(methods["neighbor_mi"], methods["acc"], c=shades, s=26)
        chosen = methods[methods["chosen"]]
        axes.scatter(chosen["neighbor_mi"], chosen["acc"], **CHOSEN)
        correlation = methods.groupby("seed")[["neighbor_mi", "acc"]].corr("spearman")
        mean = correlation.xs("acc", level=1)["neighbor_mi"].mean()
        axes.set_title(f"{recipe}: rank correlation {mean:.2f}", fontsize=10)
        axes.set_xlabel("neighbor_mi in nats (no labels seen)")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("ACC")
    handles = [panels[0].scatter([], [], color=color[name], s=26) for name in representations]
    # Centered at the side: at the top a long title would run into it.
    figure.legend(
        [*handles, panels[0].scatter([], [], **CHOSEN)],
        [*(name.replace("_", " ") for name in representations), "chosen"],
        loc="outside right center",
        frameon=False,
        fontsize=8,
    )
    figure.suptitle("The criterion beside the accuracy it cannot see")
    return figure
