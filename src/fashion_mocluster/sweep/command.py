"""``kedro sweep``: from its options to the table and the report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fashion_mocluster.configuration import files_of
from fashion_mocluster.datasets.atomic import write_bytes_atomically
from fashion_mocluster.sweep.execution import RunFailedError, execute
from fashion_mocluster.sweep.plan import Case, Run, plan
from fashion_mocluster.sweep.side_by_side import DONE, FAILED, KEPT, STOPPED, Outcome, run_all
from fashion_mocluster.sweep.workers import connected

TABLE = "data/sweep.csv"


def run_sweep(
    project: Path,
    envs: Sequence[str],
    seeds: Sequence[int],
    cases: Sequence[Case],
    params: str,
    pipelines: str,
    scheduler: str | None,
    workers: int | None,
    say: Callable[[str], None],
) -> int:
    """Make the runs, then the table and the report; the exit status.

    Args:
        scheduler: Address of a Dask scheduler; None for workers on this machine.
        workers: Their number on this machine; None for as many as suit it.

    Raises:
        InputError: The runs or the workers cannot be had.
        ParameterError: There is no such environment.
    """
    folders = {env: files_of(project, env, "globals")["folder"] for env in envs}
    runs = plan(envs, seeds, cases, params, pipelines, folders)
    with connected(scheduler, len(runs), workers) as (client, here):
        outcomes = run_all(runs, project, client, here, say)
    save_table(outcomes, project / TABLE)
    say(f"results: {project / TABLE}")
    states = {outcome.state for outcome in outcomes}
    if STOPPED in states:
        return 130
    if pipelines == "results" and (of := reporting_run(outcomes)):
        try:
            execute(of.options, project, project / of.folder / "report.log")
        except RunFailedError as error:
            say(f"report: failed: {error}")
            return 1
        say(f"results: {project / of.folder / '08_reporting/report.html'}")
    return 1 if FAILED in states else 0


def save_table(outcomes: list[Outcome], path: Path) -> None:
    """One line per run."""
    lines = [
        {
            "run": outcome.run.name,
            "environment": outcome.run.env,
            "seed": outcome.run.seed,
            "parameters": outcome.run.params,
            "state": outcome.state,
            "seconds": round(outcome.seconds, 1),
            "error": outcome.error,
        }
        for outcome in outcomes
    ]
    write_bytes_atomically(path, pd.DataFrame(lines).to_csv(index=False).encode())


def reporting_run(outcomes: list[Outcome]) -> Run | None:
    """The run that makes one page of all results, in the folder of the first; None without any."""
    runs = [outcome.run for outcome in outcomes if outcome.state in (DONE, KEPT)]
    if not runs:
        return None
    first = runs[0]
    others = {run.results: run for run in runs if run.results != first.results}
    compared = [
        f"report.compare_with.{run.name.rpartition('/')[0]}={folder}"
        for folder, run in others.items()
    ]
    return replace(
        first, params=",".join(filter(None, [first.params, *compared])), pipelines="report"
    )
