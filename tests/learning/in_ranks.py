"""What tests give to processes that train together, in a module that these import in no time."""

import os
import signal

import numpy as np
import torch.distributed as dist

from fashion_mocluster.datasets.checkpoints import FolderStore


class KillingStore(FolderStore):
    """Kills its process as soon as the third epoch is stored."""

    def save(self, name, state):
        super().save(name, state)
        if name == "last" and len(state["history"]) == 3:
            os.kill(os.getpid(), signal.SIGKILL)


def fail_in_the_last(images, parameters, how):
    """The last process is killed or looks up what is not there; the others wait for it."""
    if dist.get_rank() + 1 == dist.get_world_size():
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        {}["not there"]
    dist.barrier()


def by_largest_feature(z):
    """Clusters and how far neighbors agree, for self-labeling; a function that processes can share."""
    agreement = np.full(len(z), 0.5)
    agreement[:3] = 0.4
    return z[:, :3].argmax(1), agreement
