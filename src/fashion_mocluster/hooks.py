"""What the project adds to Kedro's life cycle."""

import logging
import sys
import traceback
from functools import reduce
from operator import getitem
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import yaml
from filelock import FileLock, Timeout
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DatasetError

from fashion_mocluster import provenance, session
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters import ParameterError
from fashion_mocluster.threads import limit_numeric_threads

logger = logging.getLogger(__name__)


class FolderError(FashionMoClusterError, RuntimeError):
    """The folder that a run writes to cannot be used."""


class RunLockHook:
    """Keeps a second run out of the folder that a run writes to.

    The operating system drops the lock when the process ends, however it ends.
    """

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Take the lock.

        Raises:
            FolderError: Another run has it, or the folder cannot be written to.
        """
        folder = session.output_folder()
        self._lock = FileLock(folder / ".run.lock", blocking=False)
        elsewhere = (
            "use another output folder: `folder` in conf/<env>/globals.yml, with --env=<env>"
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
        """Release the lock."""
        self._lock.release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Release the lock."""
        self._lock.release()


class MissingFileError(FashionMoClusterError, RuntimeError):
    """A run needs a file that an earlier run should have made."""


class ProvenanceHook:
    """Records what every file of a run was made from, and refuses files made from something else.

    A run that makes only a part of the results, or only those that are missing, takes the others
    from the files of an earlier run. Those must be there, made from the same images and parameters. A
    run that reads new images goes on with an earlier run, and with its parameters as well, but for
    those that the user wrote.
    """

    @hook_impl
    def before_pipeline_run(self, run_params: dict, pipeline: Any, catalog: Any) -> None:
        """Compare the files that this run takes over with what it would make them from.

        Raises:
            DataFileError: There are no images where they should be.
            MissingFileError: One of them is missing.
            StaleFileError: One of them was made from other images or parameters.
        """
        if not run_params.get("only_missing_outputs"):  # which may need no images
            for name in sorted(pipeline.inputs() & provenance.SOURCES.keys()):
                catalog.get(name).check_path()
        _refuse_missing(pipeline, catalog, run_params.get("env"))
        folder = session.output_folder()
        self._record = provenance.Record(folder / "provenance.json")
        current = session.current()
        self._expected = provenance.of_datasets(
            [*pipelines.values(), pipeline], current.parameters, current.project_path
        )
        reused = set(pipeline.inputs())
        if run_params.get("only_missing_outputs"):
            reused = pipeline.datasets()
        existing = [name for name in sorted(reused) if _is_own_file(catalog, name)]
        if "new_images" in pipeline.inputs():
            taken = self._record.take_over(existing, self._expected, current.given)
            _give_parameters(taken, pipeline, catalog)
        else:
            self._record.check(existing, self._expected)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Forget what the file was made from, which is about to be replaced."""
        self._record.remove(dataset_name)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Record what the file was made from."""
        if dataset_name in self._expected:
            self._record.add(dataset_name, self._expected[dataset_name])


def _refuse_missing(pipeline: Any, catalog: Any, env: str | None) -> None:
    """Say which pipeline makes the first input that is missing, or which parameter names a file that
    there is not, before anything runs.

    Raises:
        MissingFileError: One is.
    """
    named = {**provenance.FILES, "cluster_names_file": "data.cluster_names"}
    for name, key in named.items():
        if name in pipeline.inputs() and not catalog.exists(name):
            raise MissingFileError(f"{key}: {session.parameter(key)}: no such file")
    makers = {
        output: name for name, other in pipelines.items() for output in other.all_outputs()
    } | {output: "evaluation" for output in pipelines["evaluation"].all_outputs()}
    for name in sorted(pipeline.inputs() & makers.keys()):
        if name in catalog and not catalog.exists(name):
            command = f"kedro run{f' --env={env}' if env else ''} --pipelines={makers[name]}"
            raise MissingFileError(
                f"{name}: no run has stored this in {session.output_folder()} yet; make it first, "
                f"with the same parameters: {command}"
            )


def _give_parameters(taken: dict[str, Any], pipeline: Any, catalog: Any) -> None:
    """Give the nodes parameters of an earlier run.

    Args:
        taken: Values by dotted key.
    """
    if taken:
        shown = [f"{key} {value}" for key, value in sorted(taken.items())]
        more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
        logger.info("taken from the stored run: %s%s", ", ".join(shown[:4]), more)
    for name in (name for name in pipeline.inputs() if name.startswith("params:")):
        prefix = f"{name.removeprefix('params:')}."
        own = {k.removeprefix(prefix): v for k, v in taken.items() if k.startswith(prefix)}
        if own:
            now = catalog.load(name)
            values = now.model_dump()
            for key, value in own.items():
                *groups, last = key.split(".")
                reduce(getitem, groups, values)[last] = value
            catalog.save(name, type(now).model_validate(values))


def _is_own_file(catalog: Any, name: str) -> bool:
    """Whether a dataset is a file that a run of this project has written."""
    if name.startswith("param") or name not in catalog:
        return False
    dataset = catalog.get(name)
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    return path is not None and Path(path).exists()


class ThreadsHook:
    """Gives NumPy and scikit-learn the number of threads that is fastest at present."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Measure before the first node."""
        limit_numeric_threads(session.parameter("moco.compute.threads", "auto"))


def is_news(record: logging.LogRecord) -> bool:
    """A filter for Kedro's messages: where nothing is done yet, there is nothing to resume."""
    return not record.getMessage().startswith("No nodes ran.")


class SummaryHook:
    """Says at the end of a run where its results are."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Any) -> None:
        """Name the page or the table that a user looks at first."""
        places = {
            "report": "08_reporting/report.html",
            "gallery": "08_reporting/gallery.html",
            "ablation_table": "08_reporting/ablation.csv",
            "bugfix_ablation_table": "08_reporting/bugfix_ablation.csv",
            "predicted_clusters": "07_model_output/predicted_clusters.csv",
        }
        for dataset, place in places.items():
            if dataset in pipeline.all_outputs():
                logger.info("results: %s", session.output_folder() / place)


class OutOfMemoryError(FashionMoClusterError, MemoryError):
    """There was too little memory for a node."""


class MemoryHintsHook:
    """Says which parameters make a node need less memory, once it had too little."""

    PARAMETERS_TO_LOWER: ClassVar = {
        "train_encoder": "batch_size, contrast.queue_size or encoder.widths of its recipe",
        "finetune_encoder": "batch_size or surrogate.chunk of its finetuning",
        "embed_images": "embedding.batch_size",
        "embed_whitened": "embedding.batch_size, whitening.max_grid_size or whitening.n_fit_images",
        "embed_with_backbone": "backbone.batch_size or backbone.image_size",
        "reduce_pixels": "evaluation.pca_components",
    }

    @hook_impl
    def on_node_error(self, error: Exception, node: Any) -> None:
        """Replace the error of an allocation.

        Raises:
            OutOfMemoryError: The node ran out of memory.
        """
        if is_about_memory(error):
            lower = self.PARAMETERS_TO_LOWER.get(node.name.rpartition(".")[2], "data.limit")
            raise OutOfMemoryError(
                f"{node.name}: out of memory; lower {lower}, or data.limit"
            ) from error


def is_about_memory(error: BaseException | None) -> bool:
    """Whether an error or one of its causes says that memory could not be allocated.

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
    """Print errors that are raised on purpose in one line, all others with their traceback."""
    if message := _message(error, trace):
        print(f"\n{type(message).__name__}: {message}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _message(error: BaseException, trace: TracebackType | None) -> BaseException | None:
    """The error whose message says all there is to say, or None for a surprise."""
    if isinstance(error, FashionMoClusterError):
        return error
    if isinstance(error, DatasetError):
        # Kedro wraps whatever a dataset raises; a bug in a dataset stays a surprise.
        cause = error.__cause__
        return error if cause is None else _message(cause, trace) or _known_cause(error)
    if isinstance(error, yaml.YAMLError):
        return ParameterError(
            f"--params or a file of conf is no valid YAML, put the value in quotes: {error}"
        )
    innermost = Path(traceback.extract_tb(trace)[-1].filename).parts if trace else ()
    if isinstance(error, ValueError) and innermost[-3:] == ("framework", "session", "session.py"):
        return error  # no pipeline of this name, or nothing left of it
    return None


def _known_cause(error: DatasetError) -> DatasetError | None:
    return error if isinstance(error.__cause__, OSError) else None
