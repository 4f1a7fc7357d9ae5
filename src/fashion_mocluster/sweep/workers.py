"""Dask workers: those of this machine, or of a scheduler that is there already."""

import contextlib
import logging
import os
from collections.abc import Iterator

import psutil

from fashion_mocluster.errors import InputError
from fashion_mocluster.threads import available_threads

# Memory that a run of a few ten thousand images needs at its peak.
RUN_BYTES = 2e9


def local_workers(
    runs: int, cores: int, free_bytes: float, gpus: int, visible: str = "", asked: int | None = None
) -> list[dict[str, str]]:
    """Variables of the runs of each worker on this machine.

    One worker per GPU, or without any per core, as far as memory goes; cores are shared out.

    Args:
        visible: CUDA_VISIBLE_DEVICES of this process, of which each worker gets one.
    """
    count = asked or min(runs, gpus or cores, max(1, int(free_bytes // RUN_BYTES)))
    threads = str(max(1, cores // count))
    shared = {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}
    if not gpus:
        return [shared] * count
    devices = visible.split(",")[:gpus] if visible else list(map(str, range(gpus)))
    return [
        {**shared, "CUDA_VISIBLE_DEVICES": devices[worker % len(devices)]}
        for worker in range(count)
    ]


def workers_here(runs: int, asked: int | None) -> list[dict[str, str]]:
    """Those that suit this machine as it is now."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    free = psutil.virtual_memory().available
    return local_workers(runs, available_threads(), free, gpus, visible, asked)


@contextlib.contextmanager
def connected(scheduler: str | None, runs: int, asked: int | None) -> Iterator:
    """A client of the scheduler at an address and None, or of a cluster on this machine, which ends
    with the context, and what :func:`local_workers` gives.

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
    os.environ.update(workers[0])
    cluster = LocalCluster(
        n_workers=len(workers),
        threads_per_worker=1,
        processes=False,  # runs are processes of their own; threads that wait for them are enough
        memory_limit=0,
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:
        yield client, workers
