"""Faults of the machine and mistakes of other people, by which nothing good may be lost.

``python -m tests.stress.system_faults NAME FOLDER`` causes one of them, in a process of its own because
it changes limits, permissions or mounts.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from filelock import FileLock
from kedro.io import DatasetError

from fashion_mocluster.datasets.checkpoints import FolderStore
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.weights import load_tensors
from tests.project_copy import PROJECT, copy_project
from tests.stress import tiny_training
from tests.stress.damage import flip_a_bit, stored_parts

NOT_HERE = 77
RUN = (sys.executable, "-m", "kedro", "run", "--env=smoke", "--pipelines=moco_pretraining")


def _finishes_undisturbed(folder: Path, lost: str | None = None) -> None:
    """Started again, the training ends with the same files as if nothing had happened.

    Args:
        lost: A file that the fault itself removed.
    """
    tiny_training.train(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        tiny_training.train(Path(elsewhere))
        expected = tiny_training.result(Path(elsewhere))
        expected.pop(lost, None)
        assert tiny_training.result(folder) == expected


def _refused(folder: Path, message: str, damaged: Path | None = None) -> None:
    """Training stops with ``message``, and all files but ``damaged`` are whole."""
    try:
        tiny_training.train(folder)
    except DatasetError as error:
        assert message in str(error), error
    else:
        raise AssertionError("the fault went unnoticed")
    expected = [str(damaged.relative_to(folder))] if damaged else []
    assert tiny_training.half_written(folder) == expected


def _mount(*arguments: str) -> None:
    """Needs a mount namespace of its own, see ``survives``."""
    if subprocess.run(["mount", *arguments], capture_output=True).returncode:
        sys.exit(NOT_HERE)


def full_disk(folder: Path) -> None:
    """The disk is full in the middle of the training."""
    _mount("-t", "tmpfs", "-o", "size=150k", "none", str(folder))
    _refused(folder, "Free some space")
    _mount("-o", "remount,size=50m", str(folder))
    _finishes_undisturbed(folder)


def read_only_disk(folder: Path) -> None:
    """The disk turns read-only, as failing ones do."""
    _mount("-t", "tmpfs", "-o", "size=50m", "none", str(folder))
    _mount("-o", "remount,ro", str(folder))
    _refused(folder, "Make the folder writable")
    _mount("-o", "remount,rw", str(folder))
    _finishes_undisturbed(folder)


def file_size_limit(folder: Path) -> None:
    """Files may not grow beyond a few kilobytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    _refused(folder, "Raise the limit on the size of files")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    _finishes_undisturbed(folder)


def unreadable_weights(folder: Path) -> None:
    """The weights may be read by another user only."""
    path = folder / "encoder.pt"
    torch.save({}, path)
    path.chmod(0)
    if os.geteuid() == 0:  # whom permissions do not stop
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        load_tensors(path)
    except DatasetError as error:
        assert f"{path}: permission denied" in str(error), error
    else:
        raise AssertionError("the fault went unnoticed")


def damaged_checkpoint(folder: Path) -> None:
    """One bit of the last checkpoint has changed on the disk, whichever part of it that is in."""
    tiny_training.train(folder)
    path = folder / "moco" / "last.pt"
    good, parts = path.read_bytes(), stored_parts(path)
    assert len(parts) > 20
    for part in parts:
        path.write_bytes(good)
        flip_a_bit(path, part)
        try:
            FolderStore(path.parent).load("last")
        except DataFileError as error:
            assert f"{path}: " in str(error), error
            assert "Delete it: the training then resumes" in str(error), error
        else:
            raise AssertionError(f"a changed bit in {part} went unnoticed")
    _refused(folder, "Delete it: the training then resumes", damaged=path)
    path.unlink()
    # The training had ended, so the checkpoint of its last epoch is all it needs.
    _finishes_undisturbed(folder, lost="moco/last.pt")


def folder_deleted_meanwhile(folder: Path) -> None:
    """Somebody removes the checkpoints of a finished pretraining."""
    tiny_training.train(folder)
    shutil.rmtree(folder / "moco")
    _finishes_undisturbed(folder)


def half_file_of_a_dead_process(folder: Path) -> None:
    """An earlier process died while it wrote beside the checkpoint."""
    (folder / "moco").mkdir()
    (folder / "moco" / ".last.partial.pt").write_bytes(b"half")
    _finishes_undisturbed(folder)
    assert not list(folder.rglob(".*"))


def file_in_place_of_the_folder(folder: Path) -> None:
    """There is a file where the folder of the checkpoints should be."""
    (folder / "moco").write_text("notes\nof somebody\n")
    _refused(folder, "move it away")
    (folder / "moco").unlink()
    _finishes_undisturbed(folder)


def second_run_in_the_folder(folder: Path) -> None:
    """Another run is writing there."""
    copy_project(folder)
    (folder / "data" / "smoke").mkdir()
    with FileLock(folder / "data" / "smoke" / ".run.lock"):
        run = subprocess.run(RUN, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 1
    assert "another run is writing here" in run.stderr, run.stderr
    assert "Traceback" not in run.stderr
    assert [p.name for p in (folder / "data" / "smoke").iterdir()] == [".run.lock"]


def output_folder_is_a_file(folder: Path) -> None:
    """``data/smoke`` is a file."""
    copy_project(folder)
    (folder / "data" / "smoke").touch()
    run = subprocess.run(RUN, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 1
    assert "cannot be written to" in run.stderr, run.stderr
    assert "Traceback" not in run.stderr


def _signaled(folder: Path, number: signal.Signals) -> None:
    copy_project(folder)
    command = (*RUN, "--params=moco.epochs=10000")
    run = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output = ""
    for line in run.stdout:
        output += line
        if "epoch 3/" in line:
            run.send_signal(number)
    assert run.wait() == 128 + number, output[-1500:]
    # The signal may come in the last step of an epoch or before it.
    said = "checkpoint of epoch [0-9]+ is|the unfinished epoch [0-9]+ is lost .* checkpoint is"
    assert re.search(f"stopped by {number.name}; moco: ({said}) ", output), output[-1500:]
    assert "Run the same command again to continue" in output
    assert "Traceback" not in output
    assert not tiny_training.half_written(folder / "data" / "smoke" / "06_models")


def terminated(folder: Path) -> None:
    """SIGTERM, as from a machine that shuts down."""
    _signaled(folder, signal.SIGTERM)


def interrupted(folder: Path) -> None:
    """Ctrl-C."""
    _signaled(folder, signal.SIGINT)


FAULTS: dict[str, Callable[[Path], None]] = {
    fault.__name__: fault
    for fault in (
        full_disk,
        read_only_disk,
        file_size_limit,
        unreadable_weights,
        damaged_checkpoint,
        folder_deleted_meanwhile,
        half_file_of_a_dead_process,
        file_in_place_of_the_folder,
        second_run_in_the_folder,
        output_folder_is_a_file,
        terminated,
        interrupted,
    )
}


def survives(name: str) -> bool | None:
    """Whether a fault is survived; None where causing it needs more rights on this machine.

    Raises:
        AssertionError: It is not; the message says what happened.
    """
    # Mounts of the child are seen by nobody else, and end with it.
    apart = ["unshare", "--mount"] if FAULTS[name] in (full_disk, read_only_disk) else []
    if apart and (not shutil.which("unshare") or subprocess.run([*apart, "true"]).returncode):
        return None
    with tempfile.TemporaryDirectory() as folder:
        command = [*apart, sys.executable, "-m", "tests.stress.system_faults", name, folder]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode == NOT_HERE:
        return None
    assert done.returncode == 0, f"{name}:\n{done.stderr[-2000:]}"
    return True


if __name__ == "__main__":
    FAULTS[sys.argv[1]](Path(sys.argv[2]))
