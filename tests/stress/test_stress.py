"""The short form of ``make stress``."""

import pytest

from tests.stress.bad_inputs import all_bad_inputs
from tests.stress.bad_weights import BAD_WEIGHTS, good_weights, refused
from tests.stress.kills import kill_trainings
from tests.stress.system_faults import survives


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in all_bad_inputs()])
def test_bad_inputs_are_refused(bad, tmp_path):
    assert bad.refused(tmp_path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_bad_weights_are_refused_and_not_executed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(tmp_path, BAD_WEIGHTS[name])


def test_good_weights_are_not_refused(tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    assert not refused(tmp_path, lambda path: torch.save(good_weights(), path))


@pytest.mark.slow
def test_killed_trainings_end_bit_for_bit_the_same():
    tally = kill_trainings(in_writes=4, at_random=2)
    assert tally.survived == tally.tried >= 4
    assert tally.half_written == tally.lost == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["full_disk", "file_size_limit", "damaged_checkpoint", "second_run_in_the_folder"]
)
def test_faults_are_survived(name):
    if survives(name) is None:
        pytest.skip("this fault cannot be caused without more rights on this machine")


@pytest.mark.slow
def test_termination_saves_a_checkpoint_and_says_how_to_go_on():
    assert survives("terminated")
