"""What the project adds to Kedro's life cycle."""

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from filelock import FileLock, Timeout
from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

PACKAGE = __name__.partition(".")[0]


class ValidateParametersHook:
    """Wrong parameters stop a session at once, in one line."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Kedro builds the pipelines after this; loading the parameters tells them their shape."""
        sys.excepthook = print_error
        context.config_loader["parameters"]


class FolderError(RuntimeError):
    """The folder that a run writes to cannot be used."""


class RunLockHook:
    """Keeps a second run out of the folder that a run writes to.

    The operating system drops the lock when the process ends, however it ends.
    """

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Keep what knows where this session writes."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Take the lock.

        Raises:
            FolderError: Another run has it, or the folder cannot be written to.
        """
        folder = self._context.project_path / self._context.config_loader.folder
        self._lock = FileLock(folder / ".run.lock", blocking=False)
        elsewhere = (
            "give this one a folder of its own: `folder` in conf/<env>/globals.yml, --env=<env>"
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise FolderError(
                f"{folder}: another run is writing here; wait until it ends, or {elsewhere}"
            ) from None
        except OSError as error:
            raise FolderError(
                f"{folder}: cannot be written to ({error.strerror}), so nothing was run; make "
                f"it writable, or {elsewhere}"
            ) from None

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Give the lock back."""
        self._lock.release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Give the lock back."""
        self._lock.release()


class OutOfMemoryError(MemoryError):
    """There was too little memory for a node."""


class MemoryHints:
    """Says which parameters make a node need less memory, once it had too little."""

    LOWER: ClassVar = {
        "train_encoder": "batch_size, contrast.queue_size or encoder.widths of its recipe",
        "finetune_encoder": "batch_size or surrogate.chunk of its finetuning",
        "embed_images": "embedding.batch_size",
        "embed_whitened": "embedding.batch_size, whitening.grid or whitening.images",
        "reduce_pixels": "evaluation.pca_components",
    }

    @hook_impl
    def on_node_error(self, error: Exception, node: Any) -> None:
        """Replace the error of an allocation.

        Raises:
            OutOfMemoryError: The node ran out of memory.
        """
        if is_about_memory(error):
            lower = self.LOWER.get(node.name.rpartition(".")[2], "data.limit")
            raise OutOfMemoryError(
                f"{node.name}: out of memory; lower {lower}, or data.limit"
            ) from error


def is_about_memory(error: BaseException | None) -> bool:
    """Whether an error or one of its causes says that memory could not be had.

    NumPy raises MemoryError, CUDA an error of its own and torch on the CPU a plain RuntimeError.
    """
    while error is not None:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Errors that this project or a data set raised on purpose say all there is to say; any other
    is a surprise and comes with its traceback.
    """
    innermost = traceback.extract_tb(trace)[-1].filename if trace else ""
    if isinstance(error, DatasetError) or PACKAGE in Path(innermost).parts:
        print(f"\n{kind.__name__}: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
