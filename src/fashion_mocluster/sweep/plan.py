"""Which runs a sweep has, as its options say."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fashion_mocluster.errors import InputError
from fashion_mocluster.session import case_folder, of_seed

# What tells runs apart has an option of its own.
OWN_OPTIONS = {"seed": "--seeds", "case": "--case"}


@dataclass(frozen=True)
class Case:
    """A set of parameters.

    Attributes:
        name: None for that of the environment alone.
        params: What it changes, as after ``--params``.
    """

    name: str | None = None
    params: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Attributes:
        params: Parameters without seed and case, as after ``--params``.
        results: The folder of the runs of all seeds, relative to the project.
    """

    env: str
    case: str | None
    seed: int
    params: str
    pipelines: str
    results: str

    @property
    def name(self) -> str:
        """For example ``best_10k/long/seed_3``."""
        return "/".join(filter(None, (self.env, self.case, f"seed_{self.seed}")))

    @property
    def folder(self) -> str:
        """Where it writes, relative to the project."""
        return of_seed(self.results, self.seed)

    @property
    def options(self) -> list[str]:
        """Those of the same run with ``kedro run``."""
        own = [f"seed={self.seed}", *([f"case={self.case}"] if self.case else [])]
        params = ",".join(filter(None, [*own, self.params]))
        return [f"--env={self.env}", f"--pipelines={self.pipelines}", f"--params={params}"]


def plan(
    envs: Sequence[str],
    seeds: Sequence[int],
    cases: Sequence[Case],
    params: str,
    pipelines: str,
    folders: Mapping[str, str],
) -> list[Run]:
    """Every case with every seed in every environment, seed by seed.

    Args:
        params: Parameters of all runs, as after ``--params``; those of a case override them.
        folders: Where each environment writes, relative to the project.

    Raises:
        InputError: Two runs would write to the same folder, or a parameter has an option of its own.
    """
    for text in (params, *(case.params for case in cases)):
        for key in (item.partition("=")[0].strip() for item in text.split(",")):
            if key in OWN_OPTIONS:
                raise InputError(f"{key}=...: give it as {OWN_OPTIONS[key]}=..., see --help")
    runs = [
        Run(
            env,
            case.name,
            seed,
            ",".join(filter(None, [params, case.params])),
            pipelines,
            case_folder(folders[env], case.name),
        )
        for seed, env, case in product(seeds, envs, cases)
    ]
    writers: dict[str, str] = {}
    for run in runs:
        if (other := writers.setdefault(run.folder, run.name)) != run.name:
            raise InputError(
                f"{other} and {run.name} would both write to {run.folder}; give one of the "
                "environments a `folder` of its own in conf/<env>/globals.yml"
            )
    return list({run.folder: run for run in runs}.values())


def parse_seeds(text: str) -> list[int]:
    """``0,3,10-14`` as numbers, each once, in order.

    Raises:
        InputError: It is something else.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise InputError(f"--seeds={text}: give numbers and ranges, for example 0,3,10-14")
        seeds.update(range(first, last + 1))
    return sorted(seeds)


def parse_case(text: str) -> Case:
    """``long:moco.epochs=30,moco.batch_size=64`` as a case.

    Raises:
        InputError: It has no name that can be that of a folder.
    """
    name, _, params = text.partition(":")
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise InputError(
            f"--case={text}: begin with a name of small letters, digits and _, then a colon and what it "
            "changes, for example long:moco.epochs=30"
        )
    return Case(name, params)
