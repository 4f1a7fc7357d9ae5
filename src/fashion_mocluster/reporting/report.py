"""One page that holds everything: which method is best, all methods beside the thesis, and what
else the runs made. What it says is in ``templates``.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from fashion_mocluster.reporting import ablation, bugfix_ablation, costs, literature, provenance
from fashion_mocluster.reporting.distribution import MOST_GROUPS, class_table, contingency
from fashion_mocluster.reporting.methods import best_method, methods_table
from fashion_mocluster.reporting.pages import page_environment
from fashion_mocluster.reporting.pictures import picture_uri
from fashion_mocluster.reporting.results import (
    RunResults,
    first_runs,
    gather,
    method_titles,
    recorded,
)
from fashion_mocluster.reporting.selection import selection_figure
from fashion_mocluster.reporting.tables import html_table
from fashion_mocluster.threads import available_threads

# Tables 3 to 5 of the thesis.
DISTRIBUTIONS = ("pca_spectral", "moco_spectral", "moco_spectral_finetuned")
# Pixels: of the figures that everybody looks at, and of the many that are folded.
WIDE, NARROW = 1100, 640


def report_html(
    results: Sequence[RunResults],
    figures: dict[str, Figure],
    published: Sequence[dict[str, Any]] = (),
) -> str:
    """The page; sections without data are left out. It opens with the first recipe of ``results``."""
    thesis_costs = recorded(results, "report", "thesis_costs")
    cases, bugs = gather(results, "ablation"), gather(results, "bugfix_ablation")
    methods, classes = methods_table(results)
    best = best_method(results)
    tables = {
        "best_scores": (best["scores"] if best else pd.DataFrame(), 0),
        "cluster_sizes": (_cluster_sizes(best["shown"]) if best else pd.DataFrame(), 2),
        "methods": (methods, 3, classes),
        "new_images": (literature.new_images_table(results), 3),
        "literature": (literature.literature_table(results, published), 3),
        "training": (costs.training_table(results, thesis_costs.get("training", {})), 2),
        "inference": (costs.inference_table(results, thesis_costs.get("inference", {})), 2),
        "ablation": (ablation.scores_table(cases, _thesis_ablation(results)), 7),
        "claims": (ablation.claims_table(cases), 3),
        "bugfix_ablation": (bugfix_ablation.effect_table(bugs), 3),
        "provenance": (provenance.provenance_table(results), 3),
    }
    environment = page_environment()
    environment.filters["wide"] = lambda content: picture_uri(content, WIDE)
    environment.filters["narrow"] = _narrow
    return environment.get_template("report.html").render(
        {name: html_table(name, *table) for name, table in tables.items()},
        figures=figures,
        best=best,
        first=next(iter(first_runs(results)), None),
        labels=any(run.comparison.get("acc", pd.Series()).notna().any() for run in results),
        beside_thesis="the thesis" in set(methods.get("results of", ())),
        predicted=next((r for r in results if r.predictions and "prediction" in r.figures), None),
        distributions=_distributions(results),
        pictures=_pictures(results),
        parameters=provenance.recorded_parameters(results),
    )


def _cluster_sizes(run: RunResults) -> pd.DataFrame:
    """The clusters of the chosen method as they are printed."""
    table = run.cluster_sizes
    if table.empty:
        return table
    printed = {"images": "{:,}", "share": "{:.1%}", "confidence": "{:.2f}"}
    printed = {column: table[column].map(form.format) for column, form in printed.items()}
    cluster = table["cluster"].astype(str).replace("-1", "unsorted")
    names = table.get("name", "")
    return table.assign(cluster=cluster, **printed).assign(name=names)[
        ["cluster", "name", *printed]
    ]


def report_figures(results: Sequence[RunResults]) -> dict[str, Figure]:
    """The figures that are over several runs, by name."""
    figures = {"selection": selection_figure(results)}
    if len(cases := gather(results, "ablation")):
        figures["ablation"] = ablation.ablation_figure(cases, _thesis_ablation(results))
    if len(bugs := gather(results, "bugfix_ablation")):
        figures["bugfix_ablation"] = bugfix_ablation.effect_figure(bugfix_ablation.effects(bugs))
    return {name: figure for name, figure in figures.items() if figure is not None}


def _thesis_ablation(results: Sequence[RunResults]) -> dict[str, dict]:
    return recorded(results, "ablation", "thesis_scores")


def _distributions(results: Sequence[RunResults]) -> dict[str, Markup]:
    """The classes in the clusters of the thesis's three methods and of the best one."""
    titles, tables = method_titles(results), {}
    for run in first_runs(results):
        for method in dict.fromkeys([run.best_method, *DISTRIBUTIONS]):
            distribution = run.distributions.get(method, pd.DataFrame())
            if len(distribution) and max(contingency(distribution).shape) <= MOST_GROUPS:
                table, classes = class_table(distribution)
                table = html_table(f"classes_{len(tables)}", table, classes=classes)
                tables[f"{titles[method]} ({method}): {run.name}"] = table
    return tables


def _pictures(results: Sequence[RunResults]) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """The figures of the first run of each recipe, as data URIs, by title; the best method's first."""
    titles, pictures = method_titles(results), {}
    with ThreadPoolExecutor(available_threads()) as pool:
        for run in first_runs(results):
            methods = sorted(run.comparison["method"], key=lambda name: name != run.best_method)
            figures = [run.method_figures(method) for method in methods]
            uris = pool.map(_narrow, [content for shown in figures for content in shown.values()])
            shown = [{name: next(uris) for name in shown} for shown in figures]
            pictures[run.name] = [
                (titles[method], found)
                for method, found in zip(methods, shown, strict=True)
                if found
            ]
    return {name: shown for name, shown in pictures.items() if shown}


def _narrow(content: Figure | bytes) -> str:
    return picture_uri(content, NARROW)
