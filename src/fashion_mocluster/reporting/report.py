"""One page that holds everything: which method is best, all methods beside the thesis, and what
else the runs made. What it says is in ``templates``.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from fashion_mocluster.reporting import ablation, bugfix_ablation, costs, literature
from fashion_mocluster.reporting.distribution import class_shares, mark_share
from fashion_mocluster.reporting.methods import best_method, methods_table
from fashion_mocluster.reporting.pictures import picture_uri
from fashion_mocluster.reporting.provenance import provenance_table, recorded_parameters
from fashion_mocluster.reporting.results import (
    RunResults,
    by_protocol,
    first_seeds,
    method_titles,
    recorded,
)
from fashion_mocluster.reporting.seeds import (
    format_mean_std,
    format_metric,
    format_p,
    over_seeds,
)
from fashion_mocluster.reporting.selection import selection_figure, selection_table
from fashion_mocluster.reporting.tables import hide_repeated, html_table

# Tables 3 to 5 of the thesis.
DISTRIBUTIONS = ("pca_spectral", "moco_spectral", "moco_spectral_finetuned")
# Pixels: of the figures that everybody looks at, and of the many that are folded.
WIDE, NARROW = 1100, 640


def report_html(
    results: list[RunResults],
    figures: dict[str, Figure],
    published: Sequence[dict[str, Any]] = (),
) -> str:
    """The page; sections without data are left out.

    Args:
        results: Of all runs; the first protocol is the one the page opens with.
        figures: Those of :func:`report_figures`.
        published: What others published, ``report.literature`` of the parameters.
    """
    thesis_costs = recorded(results, "report", "thesis_costs") or {}
    sections = {
        "best": best_method(results),
        "methods": _methods(results),
        "new_images": _new_images(results),
        "literature": literature.literature_table(results, published),
        "selection": html_table("selection", selection_table(results), ["protocol"]),
        "training": costs.training_table(results, thesis_costs.get("training", {})),
        "inference": _inference(results, thesis_costs.get("inference", {})),
        "ablation": _ablation(results),
        "bugfix_ablation": _bugfix_ablation(results),
        "distributions": _distributions(results),
        "pictures": _pictures(results),
        "parameters": recorded_parameters(results),
        "provenance": provenance_table(results),
    }
    environment = Environment(
        loader=PackageLoader("fashion_mocluster.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["wide"] = lambda content: picture_uri(content, WIDE)
    environment.filters["narrow"] = lambda content: picture_uri(content, NARROW)
    return environment.get_template("page.html").render(figures=figures, **sections)


def report_figures(results: list[RunResults]) -> dict[str, Figure]:
    """The figures that are over several runs, by name."""
    figures = {}
    if tables := by_protocol(results, "ablation"):
        thesis = recorded(results, "ablation", "thesis_scores")
        figures["ablation"] = ablation.ablation_figure(tables, thesis)
    if (chosen := selection_figure(results)) is not None:
        figures["selection"] = chosen
    if tables := _bugfix_tables(results):
        figures["bugfix_ablation"] = bugfix_ablation.effect_figure(
            bugfix_ablation.effect_table(tables)
        )
    return figures


def _methods(results: list[RunResults]) -> dict[str, Any]:
    first = next(iter(first_seeds(results)), None)
    figure = first.figures.get("clustering_comparison") if first else None
    return {"table": methods_table(results), "run": first, "figure": figure}


def _new_images(results: list[RunResults]) -> dict[str, Any]:
    run = next((run for run in results if run.predictions and "prediction" in run.figures), None)
    return {"table": literature.new_images_table(results), "run": run}


def _inference(results: list[RunResults], thesis: dict[str, dict]) -> dict[str, Markup]:
    tables = {
        run.name: costs.inference_table(f"inference_{i}", run, thesis)
        for i, run in enumerate(first_seeds(results))
    }
    return {name: table for name, table in tables.items() if table}


def _ablation(results: list[RunResults]) -> dict[str, Any]:
    tables = by_protocol(results, "ablation")
    thesis = recorded(results, "ablation", "thesis_scores")
    means = {protocol: over_seeds(seeds, ["case"]) for protocol, seeds in tables.items()}
    lines = []
    for case in sorted({case for table in means.values() for case in table.index}):
        published = thesis.get(case) or {}
        scores = {title: format_metric(published.get(s)) for s, title in ablation.SCORES.items()}
        lines.append(
            {"case": case, "results of": "the thesis", **_switches(case, tables), **scores}
        )
        lines += [
            {
                "case": case,
                "results of": protocol,
                "epochs": str(int(table.loc[case, ("epochs", "mean")])),
                **{
                    title: format_mean_std(*table.loc[case, score].iloc[:2])
                    for score, title in ablation.SCORES.items()
                    if score in table
                },
                "seeds": str(int(table.loc[case, ("epochs", "count")])),
            }
            for protocol, table in means.items()
            if case in table.index
        ]
    about = ["case", "results of", *ablation.SWITCHES.values(), "size", "epochs"]
    columns = [*about, *ablation.SCORES.values(), "seeds"]
    frame, groups = hide_repeated(pd.DataFrame(lines, columns=columns).fillna(""), ["case"])
    return {
        "table": html_table("ablation", frame, ["case", "results of"], groups=groups),
        "claims": {
            protocol: html_table(f"claims_{i}", _claims(claims), ["claim"])
            for i, (protocol, seeds) in enumerate(tables.items())
            if len(claims := ablation.claims_table(seeds))
        },
    }


def _switches(case: str, tables: dict[str, list[pd.DataFrame]]) -> dict[str, str]:
    """What a case consists of, in the words of the thesis's table 2."""
    every = pd.concat([table for seeds in tables.values() for table in seeds])
    about = every[every["case"] == case].iloc[0]
    on = {title: "✓" if about.get(switch) else "" for switch, title in ablation.SWITCHES.items()}
    return {**on, "size": str(about.get("size", ""))}


def _claims(claims: pd.DataFrame) -> pd.DataFrame:
    table = claims[["claim", "cases", "seeds"]].copy()
    for score in ("nmi", "ari"):
        gains = claims[[f"{score}_mean", f"{score}_std"]].to_numpy()
        table[f"{score.upper()} gained"] = [format_mean_std(*gain) for gain in gains]
        table[f"p by {score.upper()}"] = claims[f"{score}_p"].map(format_p)
        table[f"the claim by {score.upper()}"] = claims[f"{score}_verdict"]
    return table


def _bugfix_tables(results: list[RunResults]) -> list[pd.DataFrame]:
    return [run.bugfix_ablation for run in results if len(run.bugfix_ablation)]


def _bugfix_ablation(results: list[RunResults]) -> Markup:
    tables = _bugfix_tables(results)
    if not tables:
        return Markup()
    lines = pd.DataFrame(
        {
            "issue": "" if pd.isna(line["issue"]) else str(int(line["issue"])),
            "corrected": line["change"],
            "scored": bugfix_ablation.ENCODERS[line["encoder"]],
            **{
                title: format_mean_std(line[f"{score}_mean"], line[f"{score}_std"])
                for score, title in bugfix_ablation.SCORES.items()
            },
            "seeds": line["seeds"],
        }
        for line in bugfix_ablation.effect_table(tables).to_dict("records")
    )
    frame, groups = hide_repeated(lines, ["issue", "corrected"])
    return html_table("bugfixes", frame, ["issue", "corrected", "scored"], groups=groups)


def _distributions(results: list[RunResults]) -> list[tuple[str, Markup]]:
    """The classes in the clusters of the thesis's three methods and of the best one."""
    titles, tables = method_titles(results), []
    for run in first_seeds(results):
        for method in dict.fromkeys([run.best_method, *DISTRIBUTIONS]):
            if not len(distribution := run.distributions.get(method, ())):
                continue
            shares = class_shares(distribution)
            text = shares.map(lambda share: format_metric(share) if share else "")
            marks = shares.map(mark_share)
            text.columns = marks.columns = _unique(shares.columns.get_level_values("Label_Name"))
            text.insert(0, "cluster", text.index.astype(str))
            marks.insert(0, "cluster", "")
            table = html_table(f"classes_{len(tables)}", text, marks=marks)
            tables.append((f"{titles[method]}: {run.name}", table))
    return tables


def _unique(names: Sequence[str]) -> list[str]:
    """Repeated names with the number of their place after them."""
    names = list(names)
    return [f"{n} ({i})" if names.count(n) > 1 else n for i, n in enumerate(names)]


def _pictures(results: list[RunResults]) -> dict[str, list[tuple[str, dict[str, bytes]]]]:
    """The figures of the first run of each protocol with the titles of the methods, which need not
    be unique; those of its best method first.
    """
    titles, pictures = method_titles(results), {}
    for run in first_seeds(results):
        methods = sorted(run.comparison["method"], key=lambda name: name != run.best_method)
        shown = [(titles[method], run.method_figures(method)) for method in methods]
        pictures[run.name] = [(title, figures) for title, figures in shown if figures]
    return {name: shown for name, shown in pictures.items() if shown}
