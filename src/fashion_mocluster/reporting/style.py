"""Colors and rules that all figures share."""

from matplotlib import colormaps
from matplotlib.figure import Figure

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
PROTOCOLS = ("#332288", "#88CCEE", "#44AA99", "#CC6677")
HEAT = "cividis"


def colors(count: int) -> list:
    """``count`` colors; beyond ten they come from an even color map, and numbers drawn into the
    figure have to tell groups apart.
    """
    if count <= len(MUTED):
        return list(MUTED[:count])
    return [colormaps["turbo"](i / (count - 1)) for i in range(count)]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that places its parts without overlap. It belongs to no global
    state, so nothing has to be closed.
    """
    return Figure(figsize=(width, height), layout="constrained")
