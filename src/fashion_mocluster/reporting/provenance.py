"""What the runs of the report depend on beside the data: parameters, versions, hardware, times."""

import json
from collections.abc import Iterator
from typing import Any

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
    between_seeds = {
        protocol: html_table(f"differences_{i}", table, table.columns)
        for i, (protocol, seeds) in enumerate(protocols.items())
        if len(table := differing_parameters(seeds))
    }
    between = differing_parameters(firsts)
    return {
        "between_seeds": between_seeds,
        "between_protocols": html_table("differences", between, between.columns),
        "all": {protocol: json.dumps(values, indent=1) for protocol, values in firsts.items()},
    }


def differing_parameters(recorded: dict[str, dict]) -> pd.DataFrame:
    """The parameters, by dotted key, that are not the same in all runs, and their values; but for
    the seeds, which every stage has of its own.
    """
    flat = {name: dict(_leaves(values)) for name, values in recorded.items()}
    lines = [
        {"parameter": key, **{name: values.get(key, "") for name, values in flat.items()}}
        for key in sorted(set().union(*flat.values()))
        if key.rpartition(".")[2] != "seed"
        and len({values.get(key) for values in flat.values()}) > 1
    ]
    return pd.DataFrame(lines, columns=["parameter", *flat])


def _leaves(tree: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value)


def provenance_table(results: list[RunResults]) -> Markup:
    """One line per run: what it took, on what, with what."""
    lines = []
    for run in results:
        if not run.hardware:
            continue
        hardware = run.hardware
        times = {
            "training s": sum(table["seconds"].sum() for table in run.training_costs.values()),
            "embedding s": sum(cost["time_s"] for cost in run.embedding_costs.values()),
            "clustering s": run.comparison["time_s"].sum() if len(run.comparison) else 0,
        }
        lines.append(
            {
                "run": f"{run.protocol}, seed {run.seed}",
                **{title: format_large(seconds, 0) for title, seconds in times.items()},
                "hardware": f"{hardware['processor']}, {hardware['cores']} cores, "
                f"{hardware['memory_gb']} GB, GPU: {hardware['accelerator'] or 'none'}",
                "versions": ", ".join(f"{name} {v}" for name, v in run.versions.items()),
            }
        )
    return html_table("provenance", pd.DataFrame(lines), ["run", "hardware", "versions"])
