"""Colors, text and layout that all figures share."""

from collections.abc import Iterable
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

# Paul Tol's "muted" scheme: nine colors and a gray that color-blind readers can tell apart.
MUTED = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#777777",
)
OURS, THEIRS = "#332288", "#DDCC77"
SERIES = ("#332288", "#88CCEE", "#44AA99", "#CC6677")
HEAT = "cividis"


def colors(count: int) -> list:
    """``count`` colors; beyond ten from an even color map, where numbers have to tell groups apart."""
    if count <= len(MUTED):
        return list(MUTED[:count])
    return [colormaps["turbo"](i / (count - 1)) for i in range(count)]


def cluster_name(cluster: int) -> str:
    """Its number; density methods leave images unsorted, which is cluster -1."""
    return "unsorted" if cluster == -1 else str(cluster)


class PlainTextFigure(Figure):
    """A figure that prints every text as it is: a ``$`` in a title does not begin a formula."""

    def draw(self, renderer: Any) -> None:
        """Draw without looking for formulas, also in tick labels that are only made here."""
        with rc_context({"text.parse_math": False}):
            for text in self.findobj(Text):
                text.set_parse_math(False)
            super().draw(renderer)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that places its parts without overlap; no global state knows it."""
    return PlainTextFigure(figsize=(width, height), layout="constrained")


def framed_axes(
    title: str, width: float, height: float, margins: tuple[float, float, float, float]
) -> tuple[Figure, Axes]:
    """An empty figure, inches, with a title above one axes, for figures of which there are many: to
    look for places, as :func:`new_figure` does, takes as long as to draw.

    Args:
        margins: Left, right, bottom and top of the axes, inches; the title is 0.3 high.
    """
    left, right, bottom, top = margins
    figure = PlainTextFigure(figsize=(width, height))
    figure.suptitle(title, y=1 - 0.08 / height, va="top")
    size = (width - left - right) / width, (height - bottom - top) / height
    return figure, figure.add_axes((left / width, bottom / height, *size))


def text_width(texts: Iterable[str], size: float) -> float:
    """Inches that the widest of some texts takes in letters of ``size`` points."""
    font = FontProperties(size=size)
    widths = (text_to_path.get_text_width_height_descent(t, font, ismath=False)[0] for t in texts)
    return max(widths, default=0) / 72


def mark_published(axes: Axes, values: list[float | None], horizontal: bool = False) -> None:
    """Marks at published values, in the same shape and color in every figure.

    Args:
        values: One for each place 0, 1, ... of an axis; None where nothing was published.
    """
    known = {place: value for place, value in enumerate(values) if value is not None}
    if known:
        x, y = list(known), list(known.values())
        axes.scatter(
            *((y, x) if horizontal else (x, y)),
            marker="D",
            s=32,
            color=THEIRS,
            edgecolor="black",
            zorder=3,
            label="published in the thesis (10,000 images)",
        )


def legend_below(figure: Figure, columns: int = 2) -> None:
    """One legend of all panels, below them; none where there are no two things to tell apart."""
    shown = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    if len(shown) > 1:
        handles, labels = shown.values(), shown.keys()
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
