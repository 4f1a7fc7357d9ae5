import pytest
from kedro.framework.hooks import hook_impl
from pluggy import PluginManager

from fashion_mocluster import hooks
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.hooks import THREADS_HOLD_S, FolderError, RunLockHook, ThreadsHook
from fashion_mocluster.session import Session, begin
from tests.project_copy import run


@pytest.fixture
def hook(tmp_path):
    """What makes the hooks of a session that writes to a folder: the lock and others."""

    def _hook(folder="data", others=()):
        begin(Session({"seed": 0}, tmp_path, folder))
        manager = PluginManager("kedro")
        for one in (RunLockHook(), *others):
            manager.register(one)
        return manager.hook

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


class Refusal:
    """A hook that finds out whether another run could begin, and refuses this one."""

    def __init__(self, other):
        self._other = other

    @hook_impl
    def before_pipeline_run(self):
        with pytest.raises(FolderError):
            self._other.before_pipeline_run()
        raise InterruptedError


def test_what_is_in_the_folder_is_looked_at_under_the_lock_which_a_refusal_releases(hook):
    other = hook()
    for _ in range(2):
        with pytest.raises(InterruptedError):
            hook(others=[Refusal(other)]).before_pipeline_run()
    other.before_pipeline_run()


def test_runs_in_other_folders_are_not_kept_apart(hook):
    hook("data").before_pipeline_run()
    hook("data/thesis").before_pipeline_run()


def test_a_folder_that_cannot_be_made_is_named_before_any_work(hook, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(FolderError, match=r"data: cannot be written to .* nothing was run"):
        hook().before_pipeline_run()


def test_a_mistyped_path_is_named_and_nothing_else_is_said(project, caplog):
    with pytest.raises(DataFileError, match=r"/nowhere: no such file or folder; check data\.path"):
        run(project, env="smoke", params={"data.path": "/nowhere"})
    assert "No nodes ran" not in caplog.text


def test_threads_are_measured_again_now_and_then_and_only_changes_are_said(
    monkeypatch, tmp_path, caplog
):
    found = [{"openmp": 1, "blas": 2}] * 2 + [{"openmp": 2, "blas": 2}]
    asked, clock = [], iter([0, 0, 1, THREADS_HOLD_S, THREADS_HOLD_S, 2 * THREADS_HOLD_S, 99])
    monkeypatch.setattr(hooks, "available_threads", lambda: 2)
    monkeypatch.setattr(
        hooks, "limit_numeric_threads", lambda threads: asked.append(threads) or found.pop(0)
    )
    monkeypatch.setattr(hooks.time, "monotonic", lambda: next(clock))
    begin(Session({"moco": {"compute": {"threads": "auto"}}}, tmp_path, "data"))
    caplog.set_level("INFO")
    hook = ThreadsHook()
    hook.before_pipeline_run()
    for _ in range(4):
        hook.before_node_run()
    assert asked == ["auto"] * 3  # not a second after the first time
    assert [record.getMessage() for record in caplog.records] == [
        "NumPy and scikit-learn compute with threads={'openmp': 1, 'blas': 2} at present",
        "NumPy and scikit-learn compute with threads={'openmp': 2, 'blas': 2} at present",
    ]
