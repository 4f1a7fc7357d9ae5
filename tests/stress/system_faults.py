"""Faults of the machine and of other people; nothing good may be lost to them.

``python -m tests.stress.system_faults NAME FOLDER`` makes one fault, in a process of its own because
it changes limits, rights or mounts.
"""

import os
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

from fashion_mocluster.datasets.weights import TorchWeightsDataset
from fashion_mocluster.hooks import is_about_memory
from tests.conftest import PROJECT
from tests.stress import tiny_training
from tests.stress.kills import copy_project

NOT_HERE = 77
RUN = (sys.executable, "-m", "kedro", "run", "--env=smoke", "--pipelines=moco_pretraining")


def _finishes_undisturbed(folder: Path, lost: str | None = None) -> None:
    """Run again, the training leaves exactly what it leaves where nothing goes wrong.

    Args:
        lost: A file that only the fault itself took away.
    """
    tiny_training.train(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        tiny_training.train(Path(elsewhere))
        expected = tiny_training.result(Path(elsewhere))
        expected.pop(lost, None)
        assert tiny_training.result(folder) == expected


def _refused(folder: Path, message: str) -> None:
    """Training stops with ``message``, and all files are whole."""
    try:
        tiny_training.train(folder)
    except DatasetError as error:
        assert message in str(error), error
    else:
        raise AssertionError("the fault went unnoticed")
    assert not tiny_training.half_written(folder)


def _mount(*arguments: str) -> None:
    """Needs a name space of its own, see ``survives``."""
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
    """The weights belong to somebody else."""
    path = folder / "encoder.pt"
    torch.save({}, path)
    path.chmod(0)
    if os.geteuid() == 0:  # whom permissions do not stop
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        TorchWeightsDataset(filepath=str(path)).load()
    except DatasetError as error:
        assert f"{path}: may not be read" in str(error), error
    else:
        raise AssertionError("the fault went unnoticed")


def too_little_memory(folder: Path) -> None:
    """Torch and NumPy say in different ways that there is no memory; both are understood."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)
    for allocate in (torch.ones, lambda n: __import__("numpy").ones(n)):
        try:
            allocate(10**9)
        except (MemoryError, RuntimeError) as error:
            assert is_about_memory(error), error
        else:
            raise AssertionError("the fault went unnoticed")


def damaged_last_checkpoint(folder: Path) -> None:
    """One bit of the last checkpoint has changed on the disk."""
    tiny_training.train(folder)
    path = folder / "moco" / "last.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    try:
        tiny_training.train(folder)
    except DatasetError as error:
        assert "Delete it, and the run goes on" in str(error), error
    else:
        raise AssertionError("the fault went unnoticed")
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
    """Where checkpoints should go, there is a file."""
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
    said = ""
    for line in run.stdout:
        said += line
        if "epoch 3/" in line:
            run.send_signal(number)
    assert run.wait() == 128 + number, said[-1500:]
    assert f"stopped by {number.name}; moco: checkpoint of epoch" in said, said[-1500:]
    assert "Run the same command again to go on" in said
    assert "Traceback" not in said
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
        too_little_memory,
        damaged_last_checkpoint,
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
    """Whether a fault is survived; None where this machine does not let it be made.

    Raises:
        AssertionError: It is not survived; says what happened.
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
