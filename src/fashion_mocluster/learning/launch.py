"""Starts processes that train or compute together and waits for them, on torch's elastic launcher."""

import logging
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from fashion_mocluster.errors import FashionMoClusterError, InputError
from fashion_mocluster.learning.checkpoints import CheckpointStore
from fashion_mocluster.learning.device import pick_device
from fashion_mocluster.threads import available_threads

T = TypeVar("T")

# A process waits so long for the others before it gives up.
TIMEOUT_S = 300
# Forks of a process that has imported what they need; libraries of macOS cannot be forked.
START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"
IMAGES, RESULT, ERROR, TRACE = "images.npy", "result.pickle", "error.pickle", "traceback.txt"


class ProcessLostError(FashionMoClusterError, RuntimeError):
    """One of several processes ended before the others, which were ended too."""


class NoStore(CheckpointStore):
    """The store of a process that keeps no checkpoints."""

    def names(self) -> list[str]:
        """Nothing is there."""
        return []

    def where(self, name: str) -> str:
        """The place, for messages."""
        return f"{name} of the first process"


def in_processes(
    function: Callable[..., T], name: str, /, images: np.ndarray, **arguments: Any
) -> T:
    """What a function gives in several processes that are connected, each of which calls it.

    On several machines each makes this call, with a store of its own; all get the same result.

    Args:
        function: Of a module.
        images: Read by the processes from a file, their own if they are mapped from one.
        arguments: ``parameters``, whose ``compute`` says how many processes; what else the function
            takes, of which ``store`` goes to the first process of each machine alone.

    Raises:
        InputError: This machine has fewer GPUs than processes.
        ProcessLostError: A process was killed, or one of another machine was.
        RuntimeError: A process raised what is not raised on purpose; with its traceback.
    """
    p = arguments["parameters"].compute
    device = pick_device(p).type
    if device == "mps" or (device == "cuda" and torch.cuda.device_count() < p.processes):
        raise InputError(
            f"{name}.compute.processes is {p.processes}, but this machine has fewer CUDA devices; lower "
            "it or set compute.device to cpu"
        )
    config = LaunchConfig(
        min_nodes=p.nodes,
        max_nodes=p.nodes,
        nproc_per_node=p.processes,
        run_id=f"fashion_mocluster-{name}",
        rdzv_backend="c10d",
        rdzv_endpoint=p.rendezvous or "127.0.0.1:0",
        local_addr=None if p.rendezvous else "127.0.0.1",
        rdzv_configs={"timeout": TIMEOUT_S},
        max_restarts=0,
        monitor_interval=0.2,
        start_method=START_METHOD,
    )
    # The last one is imported by the first optimizer that is made.
    multiprocessing.set_forkserver_preload([__name__, function.__module__, "torch._dynamo"])
    # It tells of a lost process by a traceback, which the error below says in one line.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        file = file_of(images, folder)
        try:
            elastic_launch(config, call_in_rank)(folder, file, device, function, arguments)
        except ChildFailedError as error:
            raise child_error(Path(folder), error, name) from None
        except SignalException as error:
            # The processes have said what is saved and what is lost.
            raise SystemExit(128 + error.sigval) from None
        return pickle.loads(Path(folder, RESULT).read_bytes())


def file_of(images: np.ndarray, folder: str) -> Path:
    """The ``.npy`` file that images are mapped from, where it holds just these; else a new one."""
    if isinstance(images, np.memmap) and images.filename is not None:
        # Raised where the file is gone, or holds an array without a header.
        with suppress(OSError, ValueError):
            stored = np.load(images.filename, mmap_mode="r")
            # An array that is mapped for copying on writing may differ from its file.
            same = (stored.shape, stored.dtype) == (images.shape, images.dtype)
            if same and all(map(np.array_equal, stored, images)):
                return Path(images.filename)
    new = Path(folder, IMAGES)
    np.save(new, images)
    return new


def call_in_rank(
    folder: str, file: Path, device: str, function: Callable, arguments: dict[str, Any]
) -> None:
    """What each process does; the first one of a machine writes and speaks for all."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    local, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    _log_to_stdout(logging.INFO if local == 0 else logging.ERROR)
    parameters = arguments["parameters"]
    threads = max(1, available_threads() // here)
    if parameters.compute.threads != "auto":
        threads = parameters.compute.threads
    place = {"device": f"cuda:{local}" if device == "cuda" else "cpu", "threads": threads}
    if device == "cuda":
        torch.cuda.set_device(local)
    torch.set_num_threads(threads)
    backend = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(seconds=TIMEOUT_S))
    compute = parameters.compute.model_copy(update=place)
    arguments["parameters"] = parameters.model_copy(update={"compute": compute})
    if local and "store" in arguments:
        arguments["store"] = NoStore()
    try:
        result = function(images=np.load(file, mmap_mode="c"), **arguments)
    except FashionMoClusterError as error:
        Path(folder, f"{local}-{ERROR}").write_bytes(pickle.dumps(error))
        raise
    except Exception as error:
        if not _tells_of_another(error):
            Path(folder, f"{dist.get_rank()}-{TRACE}").write_text(traceback.format_exc())
        raise
    if local == 0:
        Path(folder, RESULT).write_bytes(pickle.dumps(result))
    dist.destroy_process_group()


def child_error(folder: Path, error: ChildFailedError, name: str) -> Exception:
    """What a process raised on purpose, or where it raised something else, or that it was lost."""
    for written in sorted(folder.glob(f"*-{ERROR}")):
        return pickle.loads(written.read_bytes())
    for written in sorted(folder.glob(f"*-{TRACE}")):
        rank, _ = written.name.split("-")
        return RuntimeError(f"{name}: process {rank}:\n{written.read_text()}")
    rank, failure = error.get_first_failure()
    how = f"ended with status {failure.exitcode}"
    if failure.exitcode < 0:
        how = f"was killed by {signal.Signals(-failure.exitcode).name}"
    return ProcessLostError(
        f"{name}: process {rank} {how}, so all processes were ended; run the same command again to go "
        "on from the last checkpoint"
    )


def _tells_of_another(error: Exception) -> bool:
    """Whether an error only says that the connection to another process is lost."""
    return isinstance(error, dist.DistError) or "gloo/transport" in str(error)


def _end_with_parent() -> None:
    """Kill this process once the one that started it is gone, whose lock on the folder it needs."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


def _log_to_stdout(level: int) -> None:
    """Messages as the process that started this one prints them."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("fashion_mocluster")
    logger.addHandler(handler)
    logger.setLevel(level)
