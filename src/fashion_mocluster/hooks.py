"""What the project adds to Kedro's life cycle."""

import logging
import math
import time
from collections.abc import Iterator
from typing import Any

from filelock import FileLock, Timeout
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines

from fashion_mocluster import provenance, session
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.memory import return_freed_memory
from fashion_mocluster.stored_run import give_parameters, refuse_missing
from fashion_mocluster.threads import available_threads, limit_numeric_threads

logger = logging.getLogger(__name__)

# Seconds for which a number of threads is kept.
THREADS_HOLD_S = 10


class FolderError(FashionMoClusterError, RuntimeError):
    """The folder that a run writes to cannot be used."""


class RunLockHook:
    """Keeps a second run out of the folder that a run writes to.

    The operating system drops the lock when the process ends, however it ends.
    """

    @hook_impl(wrapper=True)
    def before_pipeline_run(self) -> Iterator[None]:
        """Take the lock before all other hooks, for one reads what is in the folder; release it if one
        of them refuses the run, for nothing else does.

        Raises:
            FolderError: Another run has it, or the folder cannot be written to.
        """
        self._acquire()
        try:
            return (yield)
        except BaseException:
            self._lock.release()
            raise

    def _acquire(self) -> None:
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

    on_pipeline_error = after_pipeline_run


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
        only_missing = run_params.get("only_missing_outputs")
        if not only_missing:  # which may need no images
            for name in sorted(pipeline.inputs() & provenance.SOURCES.keys()):
                catalog.get(name).check_path()
        refuse_missing(pipeline, catalog, pipelines, run_params.get("env"))
        self._record = provenance.Record(session.output_folder() / "provenance.json")
        current = session.current()
        self._expected = provenance.of_datasets(
            [*pipelines.values(), pipeline], current.parameters, current.project_path
        )
        reused = pipeline.datasets() if only_missing else pipeline.inputs()
        existing = [name for name in sorted(reused & self._expected.keys()) if catalog.exists(name)]
        if "new_images" in pipeline.inputs():
            taken = self._record.take_over(existing, self._expected, current.given)
            give_parameters(taken, pipeline, catalog)
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


class ThreadsHook:
    """Gives NumPy and scikit-learn the number of threads that is fastest at present."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget what an earlier run in this process found."""
        self._measured_at, self._chosen = -math.inf, {}

    @hook_impl
    def before_node_run(self) -> None:
        """Measure before the first node and now and then, as the machine may become busy or free."""
        if time.monotonic() - self._measured_at < THREADS_HOLD_S:
            return
        chosen = limit_numeric_threads(session.parameter("moco.compute.threads", "auto"))
        expected = self._chosen or dict.fromkeys(chosen, available_threads())
        if chosen != expected:
            logger.info("NumPy and scikit-learn compute with threads=%s at present", chosen)
        self._measured_at, self._chosen = time.monotonic(), chosen


class MemoryHook:
    """Keeps a run from growing by what its nodes have freed."""

    @hook_impl
    def before_node_run(self) -> None:
        """Give back what earlier nodes, and reading this one's inputs, have freed."""
        return_freed_memory()


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
