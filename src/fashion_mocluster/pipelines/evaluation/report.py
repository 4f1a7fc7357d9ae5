"""The report: the results of all seeds, and of other environments, on one page."""

from collections.abc import Iterable
from typing import Any

from kedro.pipeline import Pipeline
from matplotlib.figure import Figure

from fashion_mocluster.pipelines.evaluation.parameters import ReportParameters
from fashion_mocluster.pipelines.wiring import nodes_in


def write_report(
    runs: list, parameters: ReportParameters, *wait_for: Any
) -> tuple[str, dict[str, Figure]]:
    """The page as HTML, and those of its figures that are over several runs.

    Args:
        runs: As ``RunResultsDataset`` loads them.
        wait_for: What has to be on disk before the runs are read; not looked at here.
    """
    from fashion_mocluster.reporting.report import report_figures, report_html
    from fashion_mocluster.reporting.results import RunResults

    results = [RunResults.from_files(run) for run in runs]
    figures = report_figures(results)
    literature = [published.model_dump() for published in parameters.literature]
    return report_html(results, figures, literature), figures


def create_pipeline(methods: Iterable[str] = ()) -> Pipeline:
    """The report of all runs on disk.

    Args:
        methods: Those of the present run, whose figures and gallery have to be there first.
    """
    wait_for = [
        f"evaluation.{method}.{kind}" for method in methods for kind in ("figures", "examples")
    ]
    if wait_for:
        wait_for += ["clustering_comparison", "run_info", "cluster_sizes", "gallery"]
    inputs = ["run_results", "params:report", *wait_for]
    return nodes_in("evaluation", (write_report, inputs, ["report", "report_figures"]))
