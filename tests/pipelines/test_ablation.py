import pandas as pd
import pytest

from fashion_mocluster.clustering.parameters import KMeansParameters
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.ablation import nodes
from tests.project_copy import project_parameters

# Table 2 of the thesis; size counts layers, so its "34" is 32.
TABLE_2 = {
    "a": (False, False, False, False, 20, 50),
    "b": (True, False, False, False, 20, 50),
    "c": (True, True, False, False, 20, 50),
    "d": (True, True, True, False, 20, 50),
    "e": (True, True, True, True, 20, 50),
    "f": (True, True, True, True, 32, 50),
    "g": (True, True, True, True, 32, 300),
}


@pytest.mark.parametrize("env", ["base", "thesis"])
@pytest.mark.parametrize("case", TABLE_2)
def test_cases_are_those_of_the_thesis(env, case, blobs):
    recipe = check_parameters(project_parameters(env)).ablation.cases[case]
    row = nodes.score_case(
        pd.DataFrame(blobs[0]),
        pd.DataFrame({"epoch": range(recipe.epochs)}),
        blobs[1],
        recipe,
        KMeansParameters(),
        3,
        0,
    )
    columns = ("residual", "mlp", "advanced_augmentation", "cosine", "size", "epochs")
    assert tuple(row[c] for c in columns) == TABLE_2[case]
    assert row["acc"] == 1


@pytest.mark.parametrize("env", ["base", "thesis"])
def test_neighboring_cases_differ_by_one_component(env):
    cases = check_parameters(project_parameters(env)).ablation.cases
    groups = {"ab": {"encoder"}, "bc": {"encoder"}, "cd": {"views"}, "de": {"optimizer"}}
    groups |= {"ef": {"encoder"}, "fg": {"epochs"}}
    if env == "thesis":  # whose cosine schedule has a fault of its own
        groups["de"] = {"optimizer", "quirks"}
    for (one, other), expected in groups.items():
        a, b = cases[one].model_dump(), cases[other].model_dump()
        assert {key for key in a if a[key] != b[key]} == expected
