from types import SimpleNamespace

import pytest
import torch
from kedro.io import DatasetError

from fashion_mocluster.hooks import (
    FolderError,
    MemoryHints,
    OutOfMemoryError,
    RunLockHook,
    is_about_memory,
)


def session(project, folder):
    """A hook that knows where its session writes."""
    hook = RunLockHook()
    loader = SimpleNamespace(folder=folder)
    hook.after_context_created(SimpleNamespace(project_path=project, config_loader=loader))
    return hook


def test_a_second_run_is_refused_until_the_first_ends(tmp_path):
    first, second = session(tmp_path, "data"), session(tmp_path, "data")
    first.before_pipeline_run()
    with pytest.raises(FolderError, match="data: another run is writing here"):
        second.before_pipeline_run()
    first.after_pipeline_run()
    second.before_pipeline_run()
    second.on_pipeline_error()
    first.before_pipeline_run()


def test_runs_in_other_folders_are_not_kept_apart(tmp_path):
    session(tmp_path, "data").before_pipeline_run()
    session(tmp_path, "data/thesis").before_pipeline_run()


def test_a_folder_that_cannot_be_made_is_named_before_any_work(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(FolderError, match=r"data: cannot be written to .* nothing was run"):
        session(tmp_path, "data").before_pipeline_run()


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
        MemoryHints().on_node_error(error, node)


def test_other_errors_are_left_alone():
    assert not is_about_memory(ValueError("9 clusters"))
    MemoryHints().on_node_error(ValueError("x"), SimpleNamespace(name="n"))
