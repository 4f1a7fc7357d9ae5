import multiprocessing
import multiprocessing.connection
import os
import signal

import pytest

from fashion_mocluster.sweep import child, execution
from fashion_mocluster.sweep.execution import (
    RunBrokenError,
    RunFailedError,
    SweepStoppedError,
    execute,
)


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """What happens with a process, given as Python code, that stands in for a run."""

    def _ended(code, on_line=lambda line: None, **options):
        monkeypatch.setattr(execution, "CONTEXT", multiprocessing.get_context("fork"))
        monkeypatch.setattr(child, "main", lambda: exec(code, {}))
        return execute(["a run"], tmp_path, tmp_path / "a/run.log", {}, on_line, **options)

    return _ended


def test_lines_are_passed_on_and_kept(ended, tmp_path):
    lines = []
    ended("print('one'); print('two')", lines.append)
    assert lines == ["one", "two"]
    assert (tmp_path / "a/run.log").read_text() == "one\ntwo\n"


def test_a_line_is_passed_on_once_it_is_whole(ended, monkeypatch):
    monkeypatch.setattr(execution, "LOOK_EVERY_S", 0.05)
    lines = []
    code = (
        "import os, time\n"
        "for part in ('epoch 3/1', '0 \u00e9'[:2], '\u00e9\\n'):\n"
        "    for byte in part.encode():\n"
        "        os.write(1, bytes([byte])); time.sleep(0.1)"
    )
    ended(code, lines.append)
    assert lines == ["epoch 3/10 \u00e9"]


def test_an_error_on_purpose_is_told_and_final(ended):
    with pytest.raises(RunFailedError, match="^InputError: too few\n  images$") as error:
        ended("print('x\\n\\nInputError: too few\\n  images'); raise SystemExit(1)")
    assert not isinstance(error.value, RunBrokenError)


def test_a_surprise_may_be_tried_again(ended):
    with pytest.raises(RunBrokenError, match="^ZeroDivisionError: division by zero$"):
        ended("1 / 0")


def test_the_loss_of_one_of_its_processes_too(ended):
    with pytest.raises(RunBrokenError, match="^ProcessLostError: moco: process 1"):
        ended("print('\\nProcessLostError: moco: process 1 was killed'); raise SystemExit(1)")


def test_a_kill_may_be_tried_again(ended):
    with pytest.raises(RunBrokenError, match="^killed by SIGKILL$"):
        ended("import os; os.kill(os.getpid(), 9)")


def test_a_sweep_that_is_stopped_kills_its_runs(ended):
    with pytest.raises(SweepStoppedError):
        ended("import time; time.sleep(60)", is_stopped=lambda: True)


def test_a_run_does_not_outlive_what_started_it(ended):
    fork, alive = multiprocessing.get_context("fork"), os.pipe()
    run = "import time; print('started'); time.sleep(60)"
    starter = fork.Process(
        target=lambda: ended(run, lambda line: os.kill(os.getpid(), signal.SIGKILL))
    )
    starter.start()
    os.close(alive[1])  # both others keep it open until they end
    assert multiprocessing.connection.wait([alive[0]], timeout=20)
    starter.join()


def test_a_worker_that_may_start_no_processes_is_told_so(ended, monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(RunFailedError, match="start Dask's workers with --no-nanny"):
        ended("print('started')")
