from dataclasses import replace

import pytest

from fashion_mocluster.parameters import ParameterError
from fashion_mocluster.sweep import finished
from fashion_mocluster.sweep.finished import is_finished, made_from, mark_finished
from fashion_mocluster.sweep.plan import Run
from tests.project_copy import PROJECT

RUN = Run("smoke", None, 3, "moco.epochs=4", "results", "data/smoke")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "provenance.json").write_text("{}")
    return tmp_path


def test_a_run_is_finished_once_it_is_marked(folder):
    assert not is_finished(folder, "a")
    mark_finished(folder, "a")
    assert is_finished(folder, "a")


def test_not_after_another_run_in_its_folder_or_with_other_parameters(folder):
    mark_finished(folder, "a")
    assert not is_finished(folder, "b")
    (folder / "provenance.json").write_text('{"images": {}}')
    assert not is_finished(folder, "a")


def test_what_a_run_is_made_from():
    origin = made_from(RUN, PROJECT)
    assert made_from(replace(RUN, params="moco.epochs=4,moco.batch_size=100"), PROJECT) == origin
    others = [{"seed": 4}, {"params": "moco.epochs=5"}, {"pipelines": "ablation"}]
    others += [{"env": "local"}, {"params": "moco.epochs=4,data.path=data/01_raw/mnist_10k.csv.gz"}]
    assert len({origin, *(made_from(replace(RUN, **other), PROJECT) for other in others)}) == 6


@pytest.mark.parametrize(
    "place",
    [
        *("data.path", "data.cluster_names", "predict.path", "predict.external_embeddings"),
        *("evaluation.external_embeddings", "evaluation.external_weights", "backbone.weights"),
    ],
)
def test_a_file_that_changed_is_another_origin(place, tmp_path):
    run = replace(RUN, pipelines="results,predict", params=f"{place}={tmp_path / 'file'}")
    (tmp_path / "file").write_text("1")
    origin = made_from(run, PROJECT)
    (tmp_path / "file").write_text("2")
    finished._signature.cache_clear()  # as in the next command
    assert made_from(run, PROJECT) != origin


def test_images_that_are_downloaded_meanwhile_are_not(tmp_path):
    run = replace(RUN, params=f"data.format=torchvision,data.path={tmp_path / 'raw'}")
    origin = made_from(run, PROJECT)
    (tmp_path / "raw").write_text("1")
    finished._signature.cache_clear()
    assert made_from(run, PROJECT) == origin


def test_new_images_matter_to_predictions_alone(tmp_path):
    params, origins = f"predict.path={tmp_path}", {}
    for count in range(2):
        (tmp_path / f"{count}.png").touch()
        finished._signature.cache_clear()
        for pipelines in ("results", "results,predict"):
            run = replace(RUN, params=params, pipelines=pipelines)
            origins.setdefault(pipelines, set()).add(made_from(run, PROJECT))
    assert {pipelines: len(found) for pipelines, found in origins.items()} == {
        "results": 1,
        "results,predict": 2,
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def fail(project, path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(finished, "_signature", fail)
    with pytest.raises(ParameterError, match=r"secret\.csv: cannot be read \(Permission denied\)"):
        made_from(replace(RUN, params="data.path=secret.csv"), PROJECT)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("moco.epochz=4", "moco.epochz: there is no such parameter"),
        ("moco.encoder.widths.first=8", "moco.encoder.widths: Input should be a valid"),
        ("moco.epochs=4,data.path=/p/a: b: c", "data.path=/p/a: b: c: cannot be read as YAML"),
    ],
)
def test_a_wrong_parameter_is_named(params, message):
    with pytest.raises(ParameterError, match=message):
        made_from(replace(RUN, params=params), PROJECT)
