import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.parameters import ParameterError, check_parameters
from fashion_mocluster.pipelines.evaluation.joined import join_embeddings
from tests.project_copy import project_parameters


def table(*rows):
    return pd.DataFrame(rows, columns=[f"feature_{i}" for i in range(len(rows[0]))])


def test_parts_stand_side_by_side_each_of_the_length_of_its_weight():
    joined = join_embeddings(
        {"one": 1.0, "other": 0.5}, one=table((3, 4), (0, -2)), other=table((1, 0, 0), (2, 2, 1))
    )
    expected = [[0.6, 0.8, 0.5, 0, 0], [0, -1, 1 / 3, 1 / 3, 1 / 6]]
    np.testing.assert_allclose(joined, expected, rtol=1e-6)
    assert list(joined) == [f"feature_{i}" for i in range(5)]
    assert set(joined.dtypes) == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("joined", "message"),
    [
        ({"moco": {"pca": 1, "hog": 1}}, "joined.moco: another representation has this name"),
        ({"both": {"pca": 1, "mocco": 1}}, "unknown representation 'mocco'.*moco"),
        ({"both": {"pca": 1}}, "joined.both"),
        ({"both": {"pca": 1, "hog": 0}}, "joined.both.hog"),
    ],
)
def test_what_cannot_be_joined_is_refused(joined, message):
    method = {"title": "M", "representation": "both", "clusterer": {"kind": "kmeans"}}
    evaluation = {
        "run_methods": ["m"],
        "methods": {"m": method},
        "model_selection": {"representation": "pca"},
    }
    parameters = project_parameters(runtime={"joined": joined, "evaluation": evaluation})
    with pytest.raises(ParameterError, match=message):
        check_parameters(parameters)


def test_the_trainings_of_all_parts_are_needed():
    selection = {"representation": "moco_hog"}
    evaluation = {"run_methods": ["moco_hog_turtle"], "model_selection": selection}
    p = check_parameters(project_parameters(runtime={"evaluation": evaluation}))
    assert p.pretrainings_needed == ["moco"]
    assert p.representations == {"moco_whitened", "hog_whitened"}
