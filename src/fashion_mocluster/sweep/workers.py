"""Dask workers: those of this machine, or of a scheduler that is there already."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from fashion_mocluster.errors import InputError
from fashion_mocluster.threads import available_threads

# Memory that a run of a few ten thousand images needs at its peak.
RUN_BYTES = 2e9


@dataclass(frozen=True)
class LocalWorkers:
    """How many runs go on at once on this machine, and what each may use.

    Attributes:
        devices: Values of CUDA_VISIBLE_DEVICES, by worker; empty without GPUs.
    """

    count: int
    threads: int
    devices: tuple[str, ...] = ()

    def environment(self, worker: int) -> dict[str, str]:
        """Variables of the runs of a worker."""
        variables = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), str(self.threads))
        if self.devices:
            variables["CUDA_VISIBLE_DEVICES"] = self.devices[worker % len(self.devices)]
        return variables


def local_workers(
    runs: int, cores: int, free_bytes: float, gpus: int, visible: str = "", asked: int | None = None
) -> LocalWorkers:
    """One worker per GPU, or without any per core, as far as memory goes; cores are shared out.

    Args:
        visible: CUDA_VISIBLE_DEVICES of this process, of which each worker gets one.
    """
    fitting = max(1, int(free_bytes // RUN_BYTES))
    count = asked or min(runs, gpus or cores, fitting)
    devices = visible.split(",") if visible else [str(gpu) for gpu in range(gpus)]
    return LocalWorkers(count, max(1, cores // count), tuple(devices[:gpus]))


def workers_here(runs: int, asked: int | None) -> LocalWorkers:
    """Those that suit this machine as it is now."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    free = psutil.virtual_memory().available
    return local_workers(runs, available_threads(), free, gpus, visible, asked)


@contextlib.contextmanager
def connected(scheduler: str | None, runs: int, asked: int | None) -> Iterator:
    """A client of the scheduler at an address and None, or of a cluster on this machine, which ends
    with the context, and its workers.

    Raises:
        InputError: Dask is missing, or nothing answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "kedro sweep needs Dask; install it: pip install dask distributed, or with the project: "
            "pip install --constraint constraints.txt --editable '.[cluster]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(f"--scheduler={scheduler}: {error}") from None
        with client:
            yield client, None
        return
    workers = workers_here(runs, asked)
    # What runs are forks of has loaded OpenMP, which reads these only then.
    os.environ.update(workers.environment(0))
    cluster = LocalCluster(
        n_workers=workers.count,
        threads_per_worker=1,
        processes=False,  # runs are processes of their own; threads that wait for them are enough
        memory_limit=0,
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:
        yield client, workers
