"""The project's own commands of ``kedro``; imports only what every command of Kedro does."""

import time
from pathlib import Path

import click


@click.group(name="FashionMoCluster")
def cli() -> None:
    """Commands of this project."""


@cli.command()
@click.option("--env", default="local", help="Environments, separated by commas.")
@click.option("--seeds", required=True, help="Seeds and ranges of them, for example 0,3,10-14.")
@click.option("--params", default="", help="Parameters of all runs, as for kedro run.")
@click.option(
    "--case",
    multiple=True,
    help="A name and what it changes, name:key=value,...; its results go to case_<name> inside the "
    "folder of the environment. Once per case.",
)
@click.option(
    "--pipelines",
    default="results",
    show_default=True,
    help="Names of pipelines, separated by commas.",
)
@click.option("--workers", type=click.IntRange(1), help="How many runs at once on this machine.")
@click.option("--scheduler", help="Address of a Dask scheduler, for example tcp://host:8786.")
def sweep(
    env: str,
    seeds: str,
    params: str,
    case: tuple[str, ...],
    pipelines: str,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Many runs side by side: every case with every seed in every environment."""
    from kedro.utils import find_kedro_project

    from fashion_mocluster.sweep.command import run_sweep
    from fashion_mocluster.sweep.plan import Case, parse_case, parse_seeds

    cases = [parse_case(text) for text in case] or [Case()]
    choice = (env.split(","), parse_seeds(seeds), cases, params, pipelines)
    raise SystemExit(run_sweep(find_kedro_project(Path.cwd()), *choice, scheduler, workers, _say))


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')}  {text}")
