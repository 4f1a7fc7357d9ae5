"""The scores that ship are those that the shipped weights give."""

import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from tests.project_copy import PROJECT, copy_project, run

RECORDED = PROJECT / "data/06_models/pretrained/best_10k/seed_10/clustering_comparison.csv"
# A method of the shipped encoder alone. Other processors differ in the last digits of the embeddings.
METHOD, TOLERANCE = "moco_whitened_turtle", 0.005


@pytest.mark.slow
def test_the_best_method_on_all_10000_images(tmp_path):
    project = copy_project(tmp_path)
    run(project, env="best_10k", pipelines=["evaluation"], to_outputs=[f"{METHOD}_clusters"])
    path = project / f"data/best_10k/seed_10/07_model_output/clusters_{METHOD}.csv"
    clusters = pd.read_csv(path)
    label, cluster = clusters["label"], clusters["cluster"]
    table = contingency_matrix(label, cluster)
    scores = {
        "acc": table[linear_sum_assignment(-table)].sum() / len(clusters),
        "nmi": normalized_mutual_info_score(label, cluster),
        "ari": adjusted_rand_score(label, cluster),
    }
    recorded = pd.read_csv(RECORDED).set_index("method").loc[METHOD]
    assert recorded["n_images"] == len(clusters)
    assert {name: recorded[name] for name in scores} == pytest.approx(scores, abs=TOLERANCE)
