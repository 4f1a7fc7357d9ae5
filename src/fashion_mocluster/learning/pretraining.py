"""Contrastive pretraining: the loop, its checkpoints and its history."""

import logging
from dataclasses import dataclass

import numpy as np

from fashion_mocluster.learning.checkpoints import Checkpoints, CheckpointStore
from fashion_mocluster.learning.epochs import train_epochs
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining_run import Assign, PretrainingRun
from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """Weights of the chosen epoch; one history row and one cost row (seconds, MB) per epoch."""

    weights: EncoderWeights
    history: list[dict[str, float]]
    costs: list[dict[str, float]]


def pretrain(
    images: np.ndarray,
    statistics: PixelStatistics,
    parameters: MocoParameters,
    store: CheckpointStore,
    name: str = "moco",
    assign: Assign | None = None,
) -> TrainingResult:
    """Train a query encoder on ``images``, continuing from the store's last checkpoint if any.

    Args:
        images: uint8 (N, H, W).
        statistics: Pixel mean and spread, kept with the weights.
        parameters: The whole recipe.
        store: Where checkpoints are kept.
        name: The parameter group, for messages.
        assign: Clusters the representations before an epoch of joint training; needed for nothing
            else.

    Returns:
        Weights of the last epoch, or of the lowest watched loss where early stopping is on.

    Raises:
        ValueError: Fewer images than one batch, or joint training without ``assign``.
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatchError: The store holds another run's checkpoint.
        SystemExit: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    if len(images) < parameters.batch_size:
        raise ValueError(
            f"{name}.batch_size is {parameters.batch_size} but there are only {len(images)} images; "
            f"lower it with --params={name}.batch_size={max(2, len(images) // 4)}"
        )
    contrast = parameters.contrast
    if contrast.own_keys == "negatives" and contrast.queue_size >= len(images):
        logger.warning(
            "%s: the queue (%d) holds at least one key of every image (%d), so each image meets its "
            "own old keys as negatives; %s.contrast.own_keys=masked avoids it",
            *(name, contrast.queue_size, len(images), name),
        )
    run = PretrainingRun(images, statistics, parameters, assign)
    checkpoints = Checkpoints(store, parameters.checkpoints, run.identity(images), name)
    state = checkpoints.resume_point()
    if state is not None:
        run.load_state_dict(state)

    logger.info(
        "%s: %d images, %d epochs, %s on %s",
        *(
            name,
            len(images),
            parameters.epochs,
            str(run.precision).removeprefix("torch."),
            run.device,
        ),
    )

    def finished(row: dict[str, float]) -> None:
        if run.stopping.improved(row["monitored_loss"], row["epoch"]):
            checkpoints.save_best({"encoder": run.weights().to_dict()})

    train_epochs(run, parameters.epochs, checkpoints, name, finished)
    weights = run.weights()
    if parameters.early_stopping is not None:
        weights = EncoderWeights.from_dict(checkpoints.best()["encoder"])
    return TrainingResult(weights, run.history, run.costs)
