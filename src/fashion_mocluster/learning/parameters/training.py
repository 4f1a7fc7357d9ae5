"""Parameters that all trainings have."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fashion_mocluster.parameter_types import Count, Fraction, NonNegative, Parameters, Positive


class OptimizerParameters(Parameters):
    """SGD with momentum (not Nesterov's), linear warm-up and a learning-rate schedule."""

    learning_rate: Positive
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 1e-4
    warmup_epochs: NonNegative = 0
    schedule: Literal["constant", "cosine"] = "constant"
    final_learning_rate: NonNegative = 0


class EarlyStoppingParameters(Parameters):
    """Stop after ``patience`` epochs whose monitored value improves by less than ``min_delta``."""

    patience: Count
    min_delta: NonNegative = 0


class CheckpointParameters(Parameters):
    """Every ``every_n_epochs`` a checkpoint is kept, the newest ``keep`` of them.

    ``on_mismatch`` says what happens to a checkpoint made with other parameters or images:
    ``refuse`` stops and names what differs, ``restart`` trains anew.
    """

    every_n_epochs: Count = 20
    keep: Count = 3
    on_mismatch: Literal["refuse", "restart"] = "refuse"


class ComputeParameters(Parameters):
    """Where, how precisely and with how many threads to compute.

    ``auto`` takes for ``device`` CUDA, then MPS, then the CPU; for ``precision`` bfloat16 where the
    processor computes with it; for ``threads`` whichever of one and all is faster at present. Runs
    with another device, precision or number of threads may differ in their last digits.
    """

    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Literal["auto"] | Count = "auto"


class ManyProcessesParameters(ComputeParameters):
    """Also in how many processes: ``processes`` on each of ``nodes`` machines, one per GPU if there are
    any.

    Several machines find each other at ``rendezvous``, ``host:port`` on one of them.
    """

    processes: Count = 1
    nodes: Count = 1
    rendezvous: Annotated[str, Field(pattern=r"^\S+:\d+$")] | None = None

    @property
    def all_processes(self) -> int:
        """Those of all machines."""
        return self.processes * self.nodes

    @model_validator(mode="after")
    def _nodes_meet(self):
        if (self.nodes > 1) != (self.rendezvous is not None):
            raise ValueError("several nodes need a rendezvous, host:port; a single one has none")
        return self


class SplitBatchesParameters(Parameters):
    """Batches in ``bn_splits`` parts, each normalized apart, which several processes can share."""

    batch_size: Annotated[int, Field(ge=2)]
    bn_splits: Count = 1
    compute: ManyProcessesParameters = ManyProcessesParameters()

    @model_validator(mode="after")
    def _divisible(self):
        if self.batch_size % self.bn_splits or self.batch_size == self.bn_splits:
            raise ValueError(
                f"bn_splits ({self.bn_splits}) must divide batch_size "
                f"({self.batch_size}) into parts of two images or more"
            )
        n = self.compute.all_processes
        if n > 1 and self.bn_splits % n:
            raise ValueError(
                f"bn_splits ({self.bn_splits}) must be divisible by the number of processes ({n}), "
                "each of which normalizes its splits of a batch apart"
            )
        return self


class SurrogateParameters(Parameters):
    """Weights of the three indices in the clustering loss (the thesis's lambda 1, 2, 3).

    ``davies_bouldin_form``: ``index`` lowers DB; ``reciprocal`` raises the score 1/DB that the
    published scripts call the DB loss.
    """

    silhouette_weight: NonNegative = 1
    davies_bouldin_weight: NonNegative = 0
    calinski_harabasz_weight: NonNegative = 0
    davies_bouldin_form: Literal["index", "reciprocal"] = "index"
    chunk: Count = 250
