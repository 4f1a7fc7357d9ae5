"""Nodes of ``ablation`` and of the bugfix_ablation of findings; their trainings are those of the other
pipelines.
"""

import logging

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.clustering.parameters import KMeansParameters
from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.pipelines.ablation.parameters import BugfixAblationParameters

logger = logging.getLogger(__name__)


def score_case(
    embeddings: pd.DataFrame,
    history: pd.DataFrame,
    labels: np.ndarray | None,
    recipe: MocoParameters,
    clusterer: KMeansParameters,
    n_clusters: int,
    seed: int,
) -> dict:
    """Components and scores of one case; epochs are those really run."""
    from fashion_mocluster.clustering.clusterers import cluster, scale
    from fashion_mocluster.clustering.scores import label_free_scores, label_scores

    x = scale(embeddings.to_numpy(), clusterer)
    clusters = cluster(x, clusterer, n_clusters, seed)
    encoder, views = recipe.encoder, recipe.views
    return {
        "convnet": True,
        "residual": encoder.residual,
        "mlp": encoder.projection_dim is not None,
        "advanced_augmentation": views.crop_scale.low < 1 or views.blur_kernel > 1,
        "cosine": recipe.optimizer.schedule == "cosine",
        # Layers with weights on the main path (He et al. 2016, section 4.2).
        "size": 2 * sum(encoder.blocks) + 2,
        "epochs": len(history),
        **({} if labels is None else label_scores(labels, clusters)),
        "silhouette": label_free_scores(x, clusters)["silhouette"],
    }


def tabulate_ablation(run: str, *scores: dict) -> pd.DataFrame:
    """One row per case; ``run`` names the cases of the scores, in any order."""
    from fashion_mocluster.reporting.ablation import ablation_table

    cases = sorted(set(run))
    table = ablation_table([{"case": c, **row} for c, row in zip(cases, scores, strict=True)])
    logger.info("\n%s", table.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    return table


def draw_ablation(table: pd.DataFrame, published: dict) -> Figure:
    """Scores by case beside the published ones."""
    from fashion_mocluster.reporting.ablation import ablation_figure

    return ablation_figure(table.assign(recipe="this run", seed=0), published)


def score_bugfix_case(
    embeddings: pd.DataFrame,
    training_cost: pd.DataFrame,
    labels: np.ndarray | None,
    clusterer: KMeansParameters,
    n_clusters: int,
    seed: int,
    encoder: str,
) -> dict:
    """Scores of one embedding of one case; epochs are those really run.

    Raises:
        InputError: There are no labels to score with.
    """
    from fashion_mocluster.clustering.clusterers import cluster, scale
    from fashion_mocluster.clustering.scores import label_scores

    if labels is None:
        raise InputError(
            "bugfix_ablation scores with labels, and the images of data.path have none"
        )
    clusters = cluster(scale(embeddings.to_numpy(), clusterer), clusterer, n_clusters, seed)
    return {"encoder": encoder, "epochs": len(training_cost), **label_scores(labels, clusters)}


def tabulate_bugfix_ablation(
    bugfix_ablation: BugfixAblationParameters, *scores: dict, cases: list[str]
) -> pd.DataFrame:
    """One row per case and embedding; ``scores`` holds two of each of the ``cases``."""
    rows = []
    for i, score in enumerate(scores):
        case = cases[i // 2]
        fix = bugfix_ablation.fixes.get(case)
        words = {"thesis": "nothing, as published", "all": "everything below"}
        rows.append(
            {
                "case": case,
                "issue": fix.issue if fix else None,
                "change": fix.change if fix else words[case],
                **score,
            }
        )
    table = pd.DataFrame(rows).astype({"issue": "Int64"})
    logger.info("\n%s", table.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    return table
