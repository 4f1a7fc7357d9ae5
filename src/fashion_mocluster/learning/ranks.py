"""The processes that train or compute together: which of them this is, and what they exchange.

In PyTorch's words each process is a rank. A single process is one rank and exchanges nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which process this is, among those of its training."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_process(cls) -> "Ranks":
        """Those that a launcher has connected; a single one without it."""
        return cls(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else cls()

    def part(self, rows: Tensor) -> Tensor:
        """The rows of this rank; their number is divisible by that of the ranks."""
        return rows.chunk(self.count)[self.rank]

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all ranks, which have equally many, without gradient."""
        if self.count == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.count)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the ranks, the same in all of them."""
        return values if self.count == 1 else self.gather(values[None]).mean(0)

    def of_first(self, call: Callable[[], T]) -> T:
        """What a call gives in the first rank, the only one that makes it."""
        if self.count == 1:
            return call()
        # By way of the CPU, and with patience: it may be long.
        group = dist.new_group(backend="gloo", timeout=timedelta(days=1))
        result = [call() if self.rank == 0 else None]
        dist.broadcast_object_list(result, group=group)
        dist.destroy_process_group(group)
        return result[0]

    def synchronized(self, module: nn.Module) -> nn.Module:
        """The module, with gradients that become their mean over the ranks in a backward pass."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module)


def in_groups(network: Callable[[Tensor], Tensor], x: Tensor, groups: int) -> Tensor:
    """``network`` of each part of a batch, of two images at least, for BatchNorm."""
    groups = min(groups, len(x) // 2)
    if groups <= 1:
        return network(x)
    return torch.cat([network(part) for part in x.tensor_split(groups)])


class RunningStatistics:
    """BatchNorm's running means and variances, as if one process had seen the groups of all ranks.

    A group moves them by ``r <- (1 - momentum) r + momentum x``. What a rank adds to them by its
    groups does not depend on where it begins, so the ranks' additions are applied one after the other.

    Args:
        module: With BatchNorm layers of one momentum, if any.
        groups: How many groups each rank normalizes apart in a step.
    """

    def __init__(self, module: nn.Module, ranks: Ranks, groups: int):
        self.ranks, self.groups = ranks, groups
        self.norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
        self.is_shared = ranks.count > 1 and bool(self.norms)

    def remember(self) -> None:
        """Note where the next step begins."""
        if self.is_shared:
            self.before = self._flat()

    def merge(self) -> None:
        """Let all ranks go on with what all of them have seen since."""
        if not self.is_shared:
            return
        merged, kept = self.before, (1 - self.norms[0].momentum) ** self.groups
        for of_rank in self.ranks.gather(self._flat()[None]):
            merged = kept * merged + (of_rank - kept * self.before)
        sizes = [buffer.numel() for buffer in self._buffers()]
        for buffer, values in zip(self._buffers(), merged.split(sizes), strict=True):
            buffer.copy_(values)
        for norm in self.norms:
            norm.num_batches_tracked.add_((self.ranks.count - 1) * self.groups)
        self.before = merged

    def _buffers(self) -> list[Tensor]:
        return [b for norm in self.norms for b in (norm.running_mean, norm.running_var)]

    def _flat(self) -> Tensor:
        return torch.cat(self._buffers())
