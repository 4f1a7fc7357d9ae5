"""What the runs of the report depend on beside the data: parameters, versions, hardware, times."""

import json
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import RunResults
from fashion_mocluster.reporting.seeds import format_large
from fashion_mocluster.reporting.tables import html_table


def recorded_parameters(results: list[RunResults]) -> dict[str, Any]:
    """All parameters of each protocol as JSON, and what differs: between protocols, and, which a
    mean over seeds should not hide, between the runs of one protocol.
    """
    protocols: dict[str, dict[str, dict]] = {}
    for run in results:
        if run.parameters:
            protocols.setdefault(run.protocol, {})[f"seed {run.seed}"] = run.parameters
    firsts = {protocol: next(iter(seeds.values())) for protocol, seeds in protocols.items()}
    return {
        "between_seeds": {
            protocol: table
            for i, (protocol, seeds) in enumerate(protocols.items())
            if (table := differing_parameters(f"differences_{i}", seeds))
        },
        "between_protocols": differing_parameters("differences", firsts),
        "all": {protocol: json.dumps(values, indent=1) for protocol, values in firsts.items()},
    }


def differing_parameters(name: str, recorded: dict[str, dict]) -> Markup:
    """The parameters, by dotted key, that are not the same in all runs, and their values; but for
    the seeds, which every stage has of its own. Empty where none differ.
    """
    flat = {
        # As objects, lest a whole number become 30.0 where others have a fraction.
        run: pd.json_normalize(values).astype(object).iloc[0].map(json.dumps)
        for run, values in recorded.items()
    }
    values = pd.DataFrame(flat).fillna("").sort_index()
    own_seed = [str(key).rpartition(".")[2] == "seed" for key in values.index]
    differing = values[(values.nunique(axis=1) > 1) & ~np.array(own_seed, bool)]
    table = differing.rename_axis("parameter").reset_index()
    return html_table(name, table, table.columns)


def provenance_table(results: list[RunResults]) -> Markup:
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
        machine = f"{hardware['processor']}, {hardware['cores']} cores, {hardware['memory_gb']} GB"
        lines.append(
            {"run": run.name}
            | {stage: format_large(time, 0) for stage, time in seconds.items()}
            | {"hardware": f"{machine}, GPU: {hardware['accelerator'] or 'none'}"}
            | {"versions": ", ".join(f"{name} {v}" for name, v in run.versions.items())}
        )
    return html_table("provenance", pd.DataFrame(lines), ["run", "hardware", "versions"])
