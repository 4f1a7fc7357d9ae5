"""What is found out before clustering: copies, outliers and, if asked for, the number of clusters."""

import logging

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from matplotlib.figure import Figure

from fashion_mocluster.pipelines.evaluation.parameters import ClusterCounts, ScreeningParameters
from fashion_mocluster.pipelines.wiring import nodes_in
from fashion_mocluster.reporting.n_clusters import n_clusters_figure
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)


def screen_images(
    images: np.ndarray,
    embeddings: pd.DataFrame,
    image_paths: pd.DataFrame | None,
    parameters: ScreeningParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Which images are copies or outliers, in a table for the methods and in two for the user.

    Returns:
        ``representative`` and ``outlier`` of all images, as the methods are to treat them; duplicates,
        ``index, path, group, kind`` (exact or near); outliers, ``index, path, distance``, those
        farthest from all others first. ``path`` is there where images have files of their own.
    """
    from fashion_mocluster.clustering import screening

    z = embeddings.to_numpy()
    exact = screening.exact_copies(images)
    found, distances = screening.screen(z, exact)
    duplicates = screening.duplicates_table(exact, found.representative)
    far = np.flatnonzero(found.outlier)
    outliers = pd.DataFrame({"index": far, "distance": distances[far]})
    outliers = outliers.sort_values("distance", ascending=False, ignore_index=True)
    itself = np.arange(len(z))
    copies = counted((found.representative != itself).sum(), "copy", "copies")
    logger.info(
        "%s of other images (%d exact), %s: duplicates.csv, outliers.csv",
        *(copies, (exact != itself).sum(), counted(len(outliers), "outlier")),
    )
    screened = pd.DataFrame(
        {
            "representative": found.representative if parameters.collapse_duplicates else itself,
            "outlier": found.outlier & parameters.set_aside_outliers,
        }
    )
    return screened, _with_paths(duplicates, image_paths), _with_paths(outliers, image_paths)


def _with_paths(table: pd.DataFrame, image_paths: pd.DataFrame | None) -> pd.DataFrame:
    if image_paths is not None:
        table.insert(1, "path", image_paths["path"].to_numpy()[table["index"]])
    return table


def choose_n_clusters(
    embeddings: pd.DataFrame, counts: ClusterCounts, seed: int, screened: pd.DataFrame | None = None
) -> tuple[int, pd.DataFrame, Figure]:
    """The number of clusters, how well each number that was tried fits, and a figure of that."""
    from fashion_mocluster.clustering.n_clusters import choose
    from fashion_mocluster.clustering.screening import Screened

    z = embeddings.to_numpy()
    rows = Screened.from_table(screened, len(z)).rows_to_cluster()
    chosen, curve = choose(z[rows], counts.low, counts.high, seed)
    tried = counts.low, counts.high
    logger.info("n_clusters: %d of %d to %d, chosen without labels", chosen, *tried)
    table = pd.DataFrame(curve)
    return chosen, table, n_clusters_figure(table, chosen)


def create_pipeline(representation: str, *, auto: bool, set_aside: bool) -> Pipeline:
    """``images`` to ``screened``, ``duplicates`` and ``outliers``; with ``auto`` to ``n_clusters`` too.

    Args:
        representation: In which images are compared; the one whose neighbors decide which method is
            best.
        set_aside: Whether copies or outliers take no part in that.
    """
    embeddings = f"{representation}_embeddings"
    screen = (
        screen_images,
        ["images", embeddings, "image_paths", "params:evaluation.screening"],
        ["screened", "duplicates", "outliers"],
    )
    seen = [embeddings, "params:evaluation.n_clusters_tried", "params:evaluation.seed"]
    choose = (
        choose_n_clusters,
        [*seen, *(["screened"] if set_aside else [])],
        ["n_clusters", "n_clusters_curve", "n_clusters_figure"],
    )
    return nodes_in("evaluation", *([screen, choose] if auto else [screen]))
