"""One page that holds everything: the thesis as published, as rerun and put right."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting import ablation, bugfix_ablation, html, provenance
from fashion_mocluster.reporting.baseline_comparison import verdicts
from fashion_mocluster.reporting.costs import inference_costs, training_costs
from fashion_mocluster.reporting.distribution import marked_shares
from fashion_mocluster.reporting.literature import new_images_table, peers_table
from fashion_mocluster.reporting.methods_report import (
    COMPARISON,
    Runs,
    by_protocol,
    methods_known,
    methods_table,
)
from fashion_mocluster.reporting.seeds import format_mean_std, format_p, long, over_seeds, short
from fashion_mocluster.reporting.selection import selection_figure, selection_table

# Tables 3 to 5 of the thesis.
DISTRIBUTIONS = ("pca_spectral", "moco_spectral", "moco_spectral_finetuned")
TRAINING_TITLES = {
    "moco": "MoCo",
    "end_to_end": "End-to-End",
    "joint": "MoCo, joint",
    "kmeans_finetuned": "K-Means finetuning",
    "spectral_finetuned": "Spectral finetuning",
    "learnable_finetuned": "Learnable centers",
    "self_labeling_finetuned": "Self-labeling",
}


def report_html(
    runs: Runs, figures: dict[str, Figure], literature: Sequence[dict[str, Any]] = ()
) -> str:
    """The page; sections without data are left out.

    Args:
        runs: As :class:`RunResultsDataset` loads them; the first protocol is the one judged.
        figures: Those of :func:`report_figures`.
        literature: What others published, ``report.literature`` of the parameters.
    """
    costs = _published(runs, "report", "thesis_costs")
    return html.page(
        "FashionMoCluster: the thesis as published, reproduced and corrected",
        [
            html.section("Methods (table 1)", methods_table(runs), verdicts(runs, _first(runs))),
            html.section("New images", new_images_table(runs)),
            html.section("Beside published clusterings", *_peers(runs, literature)),
            html.section("The choice without labels", *_selection(runs, figures)),
            html.section("Cost of training, per epoch", _training(runs, costs.get("training", {}))),
            html.section("Cost of inference", *_inference(runs, costs.get("inference", {}))),
            html.section("Ablation (table 2)", *_ablation(runs, figures)),
            html.section("What each finding is worth", *_study(runs, figures)),
            html.section("Classes in clusters (tables 3 to 5)", *_distributions(runs)),
            html.section("Figures", *_figures(runs)),
            html.section("Parameters", *provenance.parameters(runs)),
            html.section("Seeds, versions, hardware, times", provenance.table_of_runs(runs)),
        ],
    )


def report_figures(runs: Runs) -> dict[str, Figure]:
    """The figures that are over several runs, by name."""
    figures = {}
    tables = by_protocol(runs, "ablation")
    if tables:
        published = _published(runs, "ablation", "published")
        figures["ablation"] = ablation.seeds_figure(tables, published)
    if (chosen := selection_figure(runs)) is not None:
        figures["selection"] = chosen
    studies = _studies(runs)
    if studies:
        figures["bugfix_ablation"] = bugfix_ablation.effect_figure(
            bugfix_ablation.effect_table(studies)
        )
    return figures


def _studies(runs: Runs) -> list[pd.DataFrame]:
    return [run["tables"]["bugfix_ablation"] for run in runs if "bugfix_ablation" in run["tables"]]


def _first(runs: Runs) -> str:
    return runs[0]["protocol"]


def _published(runs: Runs, *keys: str) -> dict:
    """A group of parameters of the first run that recorded them."""
    for run in runs:
        group: Any = run["values"].get("run_info", {}).get("parameters", {})
        for key in keys:
            group = (group or {}).get(key)
        if group:
            return group
    return {}


def _first_runs(runs: Runs, table: str) -> list[dict]:
    """Of each protocol the first run that has a table."""
    firsts: dict[str, dict] = {}
    for run in runs:
        if table in run["tables"]:
            firsts.setdefault(run["protocol"], run)
    return list(firsts.values())


def _peers(runs: Runs, literature: Sequence[dict[str, Any]]) -> list[Any]:
    table = peers_table(runs, literature)
    note = (
        "Best ACC first. In bold what was run here, mean ± standard deviation over the seeds. "
        "Chosen without labels: of each seed the row with the highest neighbor information."
    )
    return [html.element("p", note), table] if table else []


def _selection(runs: Runs, figures: dict[str, Figure]) -> list[Any]:
    table = selection_table(runs)
    if table is None:
        return []
    note = (
        "Spearman's rank correlation of neighbor information with ACC over the rows of each run: "
        "mean over the seeds, smallest and largest. The criterion favors rows of the encoder whose "
        "neighbors it asks, so it stands there without them too."
    )
    picture = html.picture(figures["selection"], "Criterion and accuracy")
    return [html.element("p", note), table, picture]


def _training(runs: Runs, published: dict) -> html.Html | None:
    costs = training_costs(runs, published)
    costs = costs[costs["training"].isin(TRAINING_TITLES)] if len(costs) else costs
    if not len(costs):
        return None
    rows = [
        [
            TRAINING_TITLES[training],
            html.words(protocol),
            "/".join(map(str, sorted(set(group["epochs"])))),
            long(group["seconds"].median(), 1),
            long(group["memory_mb"].max(), 0),
            long(group["published_seconds"].iloc[0], 2),
            long(group["published_memory_mb"].iloc[0], 0),
        ]
        for (training, protocol), group in costs.groupby(["training", "protocol"], sort=False)
    ]
    header = ["training", "protocol", "epochs run", "s", "MB", "thesis s", "thesis MB"]
    note = (
        "Median seconds of an epoch; the most memory that the process (on a GPU: its allocator) "
        "grew by. The thesis measured on an RTX 4090."
    )
    return html.Html(html.table(header, rows) + html.element("p", note))


def _inference(runs: Runs, published: dict) -> list[html.Html]:
    titles = {name: m["title"] for name, m in methods_known(runs).items()}
    parts = []
    for run in _first_runs(runs, COMPARISON):
        costs = inference_costs(run, published)
        if len(costs):
            rows = [
                [
                    titles.get(r.method, r.method),
                    *(long(v, 1) for v in (r.representation_s, r.clustering_s, r.time_s)),
                    long(r.memory_mb, 0),
                    long(r.published_time_s, 2),
                    long(r.published_memory_mb, 2),
                ]
                for r in costs.itertuples()
            ]
            header = ["method", "representation s", "clustering s", "s in all", "MB"]
            parts.append(html.element("h3", f"{run['protocol']}, seed {run['seed']}"))
            parts.append(html.table([*header, "thesis s", "thesis MB"], rows))
    return parts


def _ablation(runs: Runs, figures: dict[str, Figure]) -> list[Any]:
    tables = by_protocol(runs, "ablation")
    if not tables:
        return []
    published = _published(runs, "ablation", "published")
    rows, groups = [], set()
    for case in sorted({c for ts in tables.values() for t in ts for c in t["case"]}):
        groups.add(len(rows))
        theirs = published.get(case) or {}
        switches = _switches(case, tables)
        cells = [short(_nan(theirs.get(s))) for s in ablation.SCORES]
        rows.append([case, html.words("published"), *switches, "", *cells, ""])
        for protocol, of_seeds in tables.items():
            means = over_seeds(of_seeds, ["case"])
            if case in means.index:
                cells = [
                    format_mean_std(*means.loc[case, s].iloc[:2])
                    for s in ablation.SCORES
                    if s in means
                ]
                epochs, _, seeds = means.loc[case, "epochs"]
                row = ["", html.words(protocol), *[""] * len(switches), int(epochs)]
                rows.append([*row, *cells, int(seeds)])
    about = ["case", "protocol", *ablation.SWITCHES.values(), "size", "epochs"]
    header = [*about, *ablation.SCORES.values(), "seeds"]
    parts: list[Any] = [
        html.table(header, rows, groups),
        html.picture(figures["ablation"], "Ablation over the seeds"),
    ]
    for protocol, of_seeds in tables.items():
        claims = ablation.claims_table(of_seeds)
        if len(claims):
            parts.append(html.element("h3", f"The thesis's claims: {protocol}"))
            parts.append(html.element("p", ablation.claims_line(claims)))
            parts.append(_claims(claims))
    return parts


def _switches(case: str, tables: dict[str, list[pd.DataFrame]]) -> list[str]:
    """What a case consists of, in the words of the thesis's table 2."""
    of_case = pd.concat([t[t["case"] == case] for ts in tables.values() for t in ts]).iloc[0]
    on = ["✓" if of_case.get(switch) else "" for switch in ablation.SWITCHES]
    return [*on, str(of_case.get("size", ""))]


def _claims(claims: pd.DataFrame) -> html.Html:
    rows = [
        [
            html.words(r.claim),
            r.cases,
            r.seeds,
            format_mean_std(r.nmi_mean, r.nmi_std),
            format_p(r.nmi_p),
            r.nmi_verdict,
            format_mean_std(r.ari_mean, r.ari_std),
            format_p(r.ari_p),
            r.ari_verdict,
        ]
        for r in claims.itertuples()
    ]
    return html.table(["claim", "cases", "seeds", "NMI", "", "", "ARI", "", ""], rows)


def _nan(value: Any) -> float:
    return math.nan if value is None else float(value)


def _study(runs: Runs, figures: dict[str, Figure]) -> list[Any]:
    tables = _studies(runs)
    if not tables:
        return []
    effect = bugfix_ablation.effect_table(tables)
    rows, groups = [], set()
    for i, r in enumerate(effect.itertuples()):
        first = r.row == next(iter(bugfix_ablation.ROWS))
        if first:
            groups.add(i)
        rows.append(
            [
                html.words("" if pd.isna(r.issue) or not first else int(r.issue)),
                html.words(r.change if first else ""),
                html.words(bugfix_ablation.ROWS[r.row]),
                *(
                    format_mean_std(getattr(r, f"{s}_mean"), getattr(r, f"{s}_std"))
                    for s in bugfix_ablation.SCORES
                ),
                r.seeds,
            ]
        )
    note = (
        "The first line holds the scores of the published recipe itself, the others what changes "
        "when one finding alone is put right, then all of them."
    )
    return [
        html.element("p", note),
        html.table(
            ["issue", "put right", "scored", *bugfix_ablation.SCORES.values(), "seeds"],
            rows,
            groups,
        ),
        html.picture(figures["bugfix_ablation"], "What each finding is worth"),
    ]


def _distributions(runs: Runs) -> list[html.Html]:
    titles = {name: m["title"] for name, m in methods_known(runs).items()}
    parts = []
    for method in DISTRIBUTIONS:
        key = f"cluster_distribution/{method}"
        for run in _first_runs(runs, key):
            table = run["tables"][key]
            if not len(table):
                continue
            shares = marked_shares(table)
            rows = [
                [
                    cluster,
                    *(
                        html.element("td", short(share) if share else "", class_=mark)
                        for share, mark in row
                    ),
                ]
                for cluster, row in zip(shares.index, shares.to_numpy(), strict=True)
            ]
            title = f"{titles.get(method, method)}: {run['protocol']}, seed {run['seed']}"
            parts.append(html.element("h3", title))
            parts.append(html.table(["cluster", *shares.columns], rows))
    if parts:
        note = "Bold: more than half of the cluster. Italic: a fifth or more of it, but not more."
        parts.insert(0, html.element("p", note))
    return parts


def _figures(runs: Runs) -> list[html.Html]:
    titles = {name: m["title"] for name, m in methods_known(runs).items()}
    parts = []
    for run in _first_runs(runs, COMPARISON):
        folded = []
        for method in run["tables"][COMPARISON]["method"]:
            folder = f"figures/{method}/"
            pictures = [
                html.picture(content, name.removeprefix(folder).replace("_", " "))
                for name, content in run["figures"].items()
                if name.startswith(folder)
            ]
            if f"examples/{method}" in run["figures"]:
                pictures.append(html.picture(run["figures"][f"examples/{method}"], "examples"))
            if pictures:
                grid = html.element("div", *pictures, class_="grid")
                folded.append(html.folded(titles.get(method, method), grid))
        if folded:
            title = html.element("h3", f"{run['protocol']}, seed {run['seed']}")
            parts += [title, *folded]
    return parts
