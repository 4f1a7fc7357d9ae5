"""Sessions of one process, each with parameters and pipelines of its own."""

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from fashion_mocluster import session
from fashion_mocluster.errors import InputError
from fashion_mocluster.parameters import ParameterError
from tests.project_copy import PROJECT


@pytest.fixture
def start():
    bootstrap_project(PROJECT)
    started = []

    def _start(env=None, **runtime):
        started.append(KedroSession.create(PROJECT, env=env, runtime_params=runtime))
        return started[-1].load_context()

    yield _start
    for one in started:
        one.close()


def methods():
    """Names of the methods whose clusters the evaluation of the latest session makes."""
    names = [
        n.namespace for n in pipelines["evaluation"].nodes if n.name.endswith(".assign_clusters")
    ]
    return {name.removeprefix("evaluation.") for name in names}


@pytest.mark.slow
def test_each_session_gets_pipelines_of_its_own(start):
    start()
    assert "moco_kmeans" in methods()
    start(evaluation={"run_methods": ["kmeans"]})
    assert methods() == {"kmeans"}
    start("thesis")
    assert "bugfix_ablation.all.moco.train_encoder" in {
        node.name for node in pipelines["bugfix_ablation"].nodes
    }
    start()
    assert "moco_kmeans" in methods()


@pytest.mark.slow
def test_the_catalog_follows_the_parameters_and_the_seed(start, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # paths do not depend on the current folder
    catalog = start("smoke", seed=3, data={"path": "elsewhere/images # 1, new.csv"}).catalog
    assert str(catalog.get("raw_images")._path) == str(PROJECT / "elsewhere/images # 1, new.csv")
    folder = PROJECT / "data" / "smoke" / "seed_3"
    assert str(catalog.get("moco_weights")._path).startswith(str(folder))
    catalog = start("best_10k").catalog
    fallback = PROJECT / "data/06_models/pretrained/best_10k/seed_10/moco.pt"
    assert str(catalog.get("moco_weights")._fallback) == str(fallback)


def test_weights_of_a_variant_of_ones_own_are_kept(start):
    catalog = start(variants={"wide": {"epochs": 1}}).catalog
    weights = catalog.get("wide_weights")
    assert weights._path == PROJECT / "data/06_models/moco_pretraining/wide/encoder.pt"


@pytest.mark.parametrize("stored", ['{"method": "gone", "neighbor_information": {}}', "[]", "{"])
def test_what_an_earlier_version_stored_or_is_cut_off_hinders_no_session(
    start, stored, tmp_path, monkeypatch
):
    monkeypatch.setattr(session, "output_folder", lambda: tmp_path)
    (tmp_path / "08_reporting").mkdir()
    (tmp_path / "08_reporting/best_method.json").write_text(stored)
    start(evaluation={"run_methods": ["kmeans"]})
    assert methods() == {"kmeans"}


def test_outside_a_session_there_is_none():
    import contextvars

    assert contextvars.Context().run(session.current) is None


def test_a_mapping_in_place_of_a_list_or_the_reverse_is_named(start):
    with pytest.raises(ParameterError, match="  moco.encoder.widths: Input should be a valid list"):
        start(moco={"epochs": 1, "encoder": {"widths": {"first": 8}}})
    with pytest.raises(ParameterError, match="  moco.encoder: Input should be a valid dictionary"):
        start(moco={"epochs": 1, "encoder": [8]})


def test_object_storage_is_not_taken_for_a_folder():
    with pytest.raises(InputError, match="s3://bucket/smoke is not the path of a folder"):
        session.full_path("s3://bucket/smoke")
