import logging
from types import SimpleNamespace

import pytest
import torch
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from fashion_mocluster import hooks
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.errors import InputError
from fashion_mocluster.hooks import (
    FolderError,
    MemoryHintsHook,
    MissingFileError,
    OutOfMemoryError,
    RunLockHook,
    is_about_memory,
    print_error,
)
from fashion_mocluster.session import begin
from tests.project_copy import run


@pytest.fixture
def hook(tmp_path):
    """What makes a hook that runs in a session which writes to a folder."""

    def _hook(folder="data"):
        begin({"seed": 0}, tmp_path, folder)
        return RunLockHook()

    return _hook


def test_a_second_run_is_refused_until_the_first_ends(hook):
    first, second = hook(), hook()
    first.before_pipeline_run()
    with pytest.raises(FolderError, match="data: another run is writing here"):
        second.before_pipeline_run()
    first.after_pipeline_run()
    second.before_pipeline_run()
    second.on_pipeline_error()
    first.before_pipeline_run()


def test_runs_in_other_folders_are_not_kept_apart(hook):
    hook("data").before_pipeline_run()
    hook("data/thesis").before_pipeline_run()


def test_a_folder_that_cannot_be_made_is_named_before_any_work(hook, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(FolderError, match=r"data: cannot be written to .* nothing was run"):
        hook().before_pipeline_run()


def wrapped(cause):
    """As Kedro wraps what a dataset raises."""
    try:
        raise DatasetError("Failed while loading") from cause
    except DatasetError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        wrapped(MemoryError()),
    ],
)
def test_every_way_to_run_out_of_memory_gets_a_hint(error):
    node = SimpleNamespace(name="moco_pretraining.train_encoder")
    with pytest.raises(OutOfMemoryError, match=r"train_encoder: out of memory; lower batch_size"):
        MemoryHintsHook().on_node_error(error, node)


def test_other_errors_are_left_alone():
    assert not is_about_memory(ValueError("9 clusters"))
    MemoryHintsHook().on_node_error(ValueError("x"), SimpleNamespace(name="n"))


def shown(capsys, error):
    """What is printed of an error that ends the program."""
    try:
        raise error
    except Exception as raised:
        print_error(type(raised), raised, raised.__traceback__)
    return capsys.readouterr().err


def test_errors_raised_on_purpose_are_one_line(capsys):
    assert shown(capsys, InputError("n_clusters is 9")) == "\nInputError: n_clusters is 9\n"
    assert shown(capsys, DatasetError("a.csv: no such file")).count("\n") == 2
    error = DatasetError("Failed while loading data")
    error.__cause__ = InputError("a.csv, line 2: 999 is outside 0 to 255")
    assert shown(capsys, error) == "\nInputError: a.csv, line 2: 999 is outside 0 to 255\n"


def test_a_bug_shows_its_traceback_wherever_it_is(capsys):
    def in_this_package():
        return prepare_bug({}, "typo")

    def prepare_bug(table, key):
        return table[key]

    in_this_package.__code__ = in_this_package.__code__.replace(co_filename=hooks.__file__)
    try:
        in_this_package()
    except KeyError as error:
        print_error(KeyError, error, error.__traceback__)
        assert "Traceback (most recent call last)" in capsys.readouterr().err
        wrapped = DatasetError("Failed while loading data")
        wrapped.__cause__ = error
    assert "Traceback" in shown(capsys, wrapped)


def test_a_mistyped_path_is_named_and_nothing_else_is_said(project, caplog):
    with pytest.raises(DataFileError, match=r"/nowhere: no such file or folder; check data\.path"):
        run(project, env="smoke", params={"data.path": "/nowhere"})
    assert "No nodes ran" not in caplog.text


def test_where_nothing_is_done_there_is_nothing_to_resume():
    def record(text):
        return logging.LogRecord("kedro.runner", logging.WARNING, "", 0, text, None, None)

    assert not hooks.is_news(record("No nodes ran. Repeat the previous command ..."))
    assert hooks.is_news(record("There are 3 nodes that have not run."))


def test_what_an_earlier_run_should_have_made_is_named_with_the_command_that_makes_it(
    tmp_path, monkeypatch
):
    begin({"seed": 0}, tmp_path, "data")
    make = Pipeline([Node(len, "raw_images", "clusters", name="make")])
    registered = {"data_processing": Pipeline([]), "evaluation": make}
    monkeypatch.setattr(hooks, "pipelines", registered)
    use = Pipeline([Node(min, ["clusters", "new_images"], "predicted", name="use")])
    catalog = DataCatalog({"clusters": JSONDataset(filepath=str(tmp_path / "clusters.json"))})
    with pytest.raises(
        MissingFileError,
        match=r"clusters: no run .* kedro run --env=photos --pipelines=evaluation$",
    ):
        hooks._refuse_missing(use, catalog, "photos")
    with pytest.raises(MissingFileError, match=r"kedro run --pipelines=evaluation$"):
        hooks._refuse_missing(use, catalog, None)
    catalog["cluster_names_file"] = JSONDataset(filepath=str(tmp_path / "names.csv"))
    name = Pipeline([Node(len, "cluster_names_file", "named", name="name")])
    begin({"seed": 0, "data": {"cluster_names": "names.csv"}}, tmp_path, "data")
    with pytest.raises(MissingFileError, match=r"data.cluster_names: names.csv: no such file"):
        hooks._refuse_missing(name, catalog, None)
    catalog.save("clusters", [1])
    hooks._refuse_missing(use, catalog, None)
    hooks._refuse_missing(make, catalog, None)
