"""All results on disk, other seeds and environments too, on one page."""

from collections.abc import Iterable
from typing import Any

from kedro.pipeline import Node, Pipeline
from matplotlib.figure import Figure


def write_report(runs: list, *written: Any) -> tuple[str, dict[str, Figure]]:
    """The page as HTML, and those of its figures that are over several runs.

    Args:
        written: What has to be on disk before the runs are gathered.
    """
    from fashion_mocluster.reporting.report import report_figures, report_html

    figures = report_figures(runs)
    return report_html(runs, figures), figures


def create_pipeline(methods: Iterable[str] = ()) -> Pipeline:
    """The report of whatever runs there are.

    Args:
        methods: Those of the present run, which are waited for.
    """
    written = {
        f"{method}_{kind}": f"evaluation.{method}.{kind}"
        for method in methods
        for kind in ("figures", "examples")
    }
    if written:
        written |= {name: name for name in ("clustering_comparison", "run_record")}
    return Pipeline(
        [
            Node(
                write_report,
                ["gathered_runs", *written],
                ["report", "report_figures"],
                name="write_report",
            )
        ],
        namespace="evaluation",
        inputs={"gathered_runs": "gathered_runs", **written},
        outputs={"report", "report_figures"},
    )
