"""What tests give to processes that train together, in a module that these import in no time."""

import os
import signal

import numpy as np

from fashion_mocluster.datasets.checkpoints import FolderStore


class KillingStore(FolderStore):
    """Kills its process as soon as the third epoch is stored."""

    def save(self, name, state):
        super().save(name, state)
        if name == "last" and len(state["history"]) == 3:
            os.kill(os.getpid(), signal.SIGKILL)


def by_largest_feature(z):
    """Clusters and how far neighbors agree, for self-labeling; a function that processes can share."""
    agreement = np.full(len(z), 0.5)
    agreement[:3] = 0.4
    return z[:, :3].argmax(1), agreement
