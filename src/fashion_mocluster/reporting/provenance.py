"""What the runs of the report depend on beside the data: parameters, versions, hardware, times."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fashion_mocluster.reporting.results import RunResults
from fashion_mocluster.reporting.seeds import format_number
from fashion_mocluster.reporting.tables import html_table
from fashion_mocluster.wording import counted


def recorded_parameters(results: Sequence[RunResults]) -> dict[str, Any]:
    """All parameters of each recipe as JSON, and what differs: between recipes, and, which a mean
    over seeds should not hide, between the runs of one recipe.
    """
    recipes: dict[str, dict[str, dict]] = {}
    for run in results:
        if run.parameters:
            recipes.setdefault(run.recipe, {})[f"seed {run.seed}"] = run.parameters
    firsts = {recipe: next(iter(seeds.values())) for recipe, seeds in recipes.items()}
    return {
        "between_seeds": {
            recipe: table
            for i, (recipe, seeds) in enumerate(recipes.items())
            if (table := html_table(f"differences_{i}", differing_parameters(seeds)))
        },
        "between_recipes": html_table("differences", differing_parameters(firsts)),
        "all": {recipe: json.dumps(values, indent=1) for recipe, values in firsts.items()},
    }


def differing_parameters(recorded: dict[str, dict]) -> pd.DataFrame:
    """The parameters, by dotted key, that are not the same in all runs, and their values by run; but for
    the seeds, which every stage has of its own. Empty where none differ.
    """
    flat = {
        # As objects, lest a whole number become 30.0 where others have a fraction.
        run: pd.json_normalize(values).astype(object).iloc[0].map(json.dumps)
        for run, values in recorded.items()
    }
    values = pd.DataFrame(flat).fillna("").sort_index().rename_axis("parameter")
    own_seed = [str(key).rpartition(".")[2] == "seed" for key in values.index]
    differs = [len(set(row)) > 1 for row in values.to_numpy()]
    return values[np.array(differs, bool) & ~np.array(own_seed, bool)].reset_index()


def provenance_table(results: Sequence[RunResults]) -> pd.DataFrame:
    """One line per run: what it took, on what, with what."""
    lines = []
    for run in results:
        if not (hardware := run.hardware):
            continue
        seconds = {
            "training s": sum(table["seconds"].sum() for table in run.training_costs.values()),
            "embedding s": sum(cost["time_s"] for cost in run.embedding_costs.values()),
            "clustering s": run.comparison["time_s"].sum() if len(run.comparison) else 0,
        }
        cores = counted(hardware["cores"], "core")
        machine = f"{hardware['processor']}, {cores}, {hardware['memory_gb']} GB"
        lines.append(
            {"run": run.name, "hardware": f"{machine}, GPU: {hardware['accelerator'] or 'none'}"}
            | {"versions": ", ".join(f"{name} {v}" for name, v in run.versions.items())}
            | {stage: format_number(time, 0) for stage, time in seconds.items()}
        )
    return pd.DataFrame(lines)
