import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.pipelines.evaluation import preparation
from fashion_mocluster.pipelines.evaluation.parameters import ScreeningParameters

PATHS = pd.DataFrame({"path": [f"{i}.png" for i in range(63)]})


@pytest.fixture
def screened_images():
    """60 images in two directions, a copy of the fourth, one nearly like it, and one like none."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (63, 6, 6), dtype=np.uint8)
    images[60] = images[3]
    x = np.eye(2, 8)[np.arange(60) % 2] + 0.1 * rng.normal(size=(60, 8))
    x = np.r_[x, x[[3]], x[[3]] * (1 + 1e-4 * rng.normal(size=(1, 8))), -np.eye(1, 8)]
    return images, pd.DataFrame(x)


def test_copies_and_outliers_are_listed_by_path(screened_images):
    _, duplicates, outliers = preparation.screen_images(
        *screened_images, PATHS, ScreeningParameters()
    )
    expected = {
        "index": [3, 60, 61],
        "path": ["3.png", "60.png", "61.png"],
        "group": [0, 0, 0],
        "kind": ["exact", "exact", "near"],
    }
    assert duplicates.to_dict("list") == expected
    assert list(outliers) == ["index", "path", "distance"]
    assert outliers.loc[0, ["index", "path"]].to_list() == [62, "62.png"]
    assert outliers["distance"].is_monotonic_decreasing
    assert len(outliers) < 5


def test_images_without_files_have_no_paths(screened_images):
    _, *tables = preparation.screen_images(*screened_images, None, ScreeningParameters())
    assert [list(t) for t in tables] == [["index", "group", "kind"], ["index", "distance"]]


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("set_aside", [True, False])
def test_methods_see_what_the_parameters_ask_for(screened_images, collapse, set_aside):
    parameters = ScreeningParameters(collapse_duplicates=collapse, set_aside_outliers=set_aside)
    screened, _, _ = preparation.screen_images(*screened_images, PATHS, parameters)
    expected = np.r_[np.arange(60), 3, 3, 62] if collapse else np.arange(63)
    assert screened["representative"].to_list() == expected.tolist()
    assert screened["outlier"][62] == set_aside


def test_images_that_are_set_aside_do_not_count_for_the_number_of_clusters():
    for set_aside in (True, False):
        pipeline = preparation.create_pipeline("moco", auto=True, set_aside=set_aside)
        (choose,) = (node for node in pipeline.nodes if "n_clusters" in node.outputs)
        assert ("screened" in choose.inputs) == set_aside
