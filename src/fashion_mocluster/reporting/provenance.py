"""What the runs of the report depend on beside the data: parameters, versions, hardware, times."""

import json
from collections.abc import Iterator
from typing import Any

from fashion_mocluster.reporting import html
from fashion_mocluster.reporting.methods_report import COMPARISON, Runs
from fashion_mocluster.reporting.seeds import long


def parameters(runs: Runs) -> list[html.Html]:
    """All parameters of each protocol, and what differs: between protocols, and, which a mean over
    seeds should not hide, between the runs of one protocol.
    """
    recorded: dict[str, dict[str, dict]] = {}
    for run in runs:
        if "run_info" in run["values"]:
            of_protocol = recorded.setdefault(run["protocol"], {})
            of_protocol[f"seed {run['seed']}"] = run["values"]["run_info"]["parameters"]
    firsts = {protocol: next(iter(of_seeds.values())) for protocol, of_seeds in recorded.items()}
    parts = []
    for protocol, of_seeds in recorded.items():
        differing = differences(of_seeds)
        if differing:
            warning = f"{protocol}: its seeds do not differ by the seed alone"
            parts.append(html.element("p", html.bold(warning)))
            parts.append(html.table(["parameter", *of_seeds], differing))
    if differing := differences(firsts):
        table = html.table(["parameter", *firsts], differing)
        parts.append(html.folded("What differs between the protocols", table))
    for protocol, values in firsts.items():
        parts.append(html.folded(protocol, html.element("pre", json.dumps(values, indent=1))))
    return parts


def differences(recorded: dict[str, dict]) -> list[list[Any]]:
    """The parameters, by dotted key, that are not the same in all runs, and their values; but for
    the seeds, which every stage has of its own.
    """
    flat = [dict(_leaves(values)) for values in recorded.values()]
    return [
        [key, *(html.words(values.get(key, "")) for values in flat)]
        for key in sorted(set().union(*flat))
        if key.rpartition(".")[2] != "seed" and len({values.get(key) for values in flat}) > 1
    ]


def _leaves(tree: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value)


def table_of_runs(runs: Runs) -> html.Html | None:
    """One row per run: what it took, on what, with what."""
    rows = []
    for run in runs:
        record = run["values"].get("run_info")
        if record is None:
            continue
        trained = sum(
            t["seconds"].sum() for k, t in run["tables"].items() if k.startswith("training_cost/")
        )
        embedded = sum(
            v["time_s"] for k, v in run["values"].items() if k.startswith("embedding_cost/")
        )
        comparison = run["tables"].get(COMPARISON)
        clustered = 0 if comparison is None else comparison["time_s"].sum()
        hardware = record["hardware"]
        rows.append(
            [
                f"{run['protocol']}, seed {run['seed']}",
                *(long(seconds, 0) for seconds in (trained, embedded, clustered)),
                html.words(
                    f"{hardware['processor']}, {hardware['cores']} cores, "
                    f"{hardware['memory_gb']} GB, GPU: {hardware['accelerator'] or 'none'}"
                ),
                html.words(", ".join(f"{k} {v}" for k, v in record["versions"].items())),
            ]
        )
    header = ["run", "training s", "embedding s", "clustering s", "hardware", "versions"]
    return html.table(header, rows) if rows else None
