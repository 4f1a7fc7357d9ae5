"""``python -m tests.stress`` in the project folder: kills, bad files and faults, counted."""

import os
import sys
import tempfile
import warnings
from pathlib import Path

from tests.stress.bad_inputs import all_bad_inputs
from tests.stress.bad_weights import BAD_WEIGHTS, refused
from tests.stress.kills import Tally, kill_command_line, kill_trainings
from tests.stress.system_faults import FAULTS, survives


def _report(what: str, good: int, tried: int, wrong: list[str]) -> bool:
    print(f"{what}: {good} of {tried}", flush=True)
    for line in wrong:
        print(f"  NOT: {line}", flush=True)
    return good == tried


def _report_kills(what: str, tally: Tally) -> bool:
    kinds = ("half_written", "lost", "differing")
    wrong = [f"{kind}: {name}" for kind in kinds for name in getattr(tally, kind)]
    return _report(f"{what}, survived bit for bit", tally.survived, tally.tried, wrong)


def _bad_inputs() -> bool:
    wrong, tried = [], 0
    for bad in all_bad_inputs():
        tried += 1
        with tempfile.TemporaryDirectory() as folder:
            if not bad.refused(Path(folder)):
                wrong.append(bad.name)
    return _report("bad inputs refused", tried - len(wrong), tried, wrong)


def _bad_weights() -> bool:
    wrong, home = [], Path.cwd()
    for name, write in BAD_WEIGHTS.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            if not refused(Path(folder), write):
                wrong.append(name)
            os.chdir(home)
    tried = len(BAD_WEIGHTS)
    return _report("malicious or broken weight files refused", tried - len(wrong), tried, wrong)


def _faults() -> bool:
    wrong, tried = [], 0
    for name in FAULTS:
        try:
            made = survives(name) is not None
        except AssertionError as error:
            made = True
            wrong.append(str(error))
        tried += made
        if not made:
            print(
                f"  {name}: skipped, it cannot be caused without more rights on this machine",
                flush=True,
            )
    return _report("system faults survived", tried - len(wrong), tried, wrong)


def main() -> int:
    """Run everything; 0 if nothing was lost."""
    warnings.filterwarnings("ignore", message="Detected pickle protocol")
    trainings = kill_trainings(in_writes=24, at_random=16)
    good = [_report_kills("SIGKILL of trainings, in writes and at random moments", trainings)]
    command_line = kill_command_line(8)
    good += [
        _report_kills("SIGKILL of kedro run", command_line),
        _bad_inputs(),
        _bad_weights(),
        _faults(),
    ]
    lost = sum(len(tally.lost) + len(tally.half_written) for tally in (trainings, command_line))
    print(f"files lost, and weights, checkpoints or arrays half-written: {lost}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
