"""The runnable pipelines, by name.

Methods of the comparison, trainings and cases of the ablation are data: the parameters decide which
namespaces the pipelines have. They are those of the session under way, or, for commands that start
none such as ``kedro registry list``, those of ``conf/base`` and of the environment in KEDRO_ENV.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.pipeline import Pipeline

from fashion_mocluster import session
from fashion_mocluster.representations import BUILTIN, encoder_of

if TYPE_CHECKING:
    from fashion_mocluster.parameters import ProjectParameters


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name, for the parameters of the session under way and what it has stored."""
    from fashion_mocluster.parameters import check_parameters

    if (current := session.current()) is None:
        return build_pipelines(check_parameters(_from_files()))
    return build_pipelines(check_parameters(current.parameters), _stored_run())


def _stored_run() -> dict | None:
    """``best_method`` of the last run in the session's folder; None without one of this version."""
    with suppress(OSError, ValueError):
        best = json.loads((session.output_folder() / "08_reporting/best_method.json").read_text())
        if isinstance(best, dict) and best.keys() >= {"method", "neighbor_mi"}:
            return best
    return None


def _from_files() -> dict:
    """Completed parameters of the project that the current folder belongs to."""
    from kedro.utils import find_kedro_project

    from fashion_mocluster.configuration import files_of
    from fashion_mocluster.parameters import complete

    project = find_kedro_project(Path.cwd()) or Path(__file__).parents[2]
    return complete(files_of(project, os.environ.get("KEDRO_ENV"), "parameters"))


def build_pipelines(p: "ProjectParameters", stored_run: dict | None = None) -> dict[str, Pipeline]:
    """Pipelines by name; ``__default__`` is everything but ``ablation`` and ``bugfix_ablation``, and
    ``results`` is that without the report, which reads what runs beside it may be writing.

    Every pipeline starts from the raw file, so that it runs on a fresh clone. Only the trainings that
    a method of the comparison needs are part of them.

    Args:
        stored_run: The chosen method and all methods of the run that ``predict`` goes on with; None
            before there is one.
    """
    from fashion_mocluster.clustering.parameters import starts_from_pixel_clusters
    from fashion_mocluster.parameters import AUTO
    from fashion_mocluster.pipelines import unavailable
    from fashion_mocluster.pipelines.ablation import bugfix_ablation
    from fashion_mocluster.pipelines.ablation import pipeline as ablation
    from fashion_mocluster.pipelines.cluster_finetuning import pipeline as cluster_finetuning
    from fashion_mocluster.pipelines.data_processing import pipeline as data_processing
    from fashion_mocluster.pipelines.evaluation import pipeline as evaluation
    from fashion_mocluster.pipelines.evaluation import report
    from fashion_mocluster.pipelines.moco_pretraining import pipeline as moco_pretraining

    data = data_processing.create_pipeline()
    pixel_clusters = data_processing.pixel_clusters_pipeline()
    pretraining = moco_pretraining.create_pipeline(p.pretrainings_needed)
    asked_for = p.pretrainings_needed or ["moco"]
    finetuning = cluster_finetuning.create_pipeline(p.finetunings_needed)
    if any(starts_from_pixel_clusters(recipe) for recipe in p.finetunings_needed.values()):
        finetuning += pixel_clusters
    comparison = evaluation.create_pipeline(p)
    if any(starts_from_pixel_clusters(m.clusterer) for m in p.methods_run.values()):
        comparison += pixel_clusters
    all_results = report.create_pipeline(p.methods_run)
    results = data + pretraining + finetuning + comparison
    pipelines = {
        "__default__": results + all_results,
        "results": results,
        "data_processing": data,
        "moco_pretraining": data + moco_pretraining.create_pipeline(asked_for),
        "cluster_finetuning": data + finetuning,
        "evaluation": data + comparison + all_results,
        "report": report.create_pipeline(),
        "ablation": data + ablation.create_pipeline(sorted(set(p.ablation.run))),
        "predict": _predict(p, stored_run),
    }
    if p.n_clusters == AUTO:
        reason = f"the cases of the ablations need a number of clusters; n_clusters is {AUTO}"
        pipelines["ablation"] = pipelines["bugfix_ablation"] = unavailable.create_pipeline(reason)
    elif p.bugfix_ablation is None:
        pipelines["bugfix_ablation"] = unavailable.create_pipeline(
            "bugfix_ablation corrects the faults of the thesis's scripts one at a time, and only the "
            "environment thesis has them: kedro run --env=thesis --pipelines=bugfix_ablation"
        )
    else:
        pipelines["bugfix_ablation"] = data + bugfix_ablation.create_pipeline(p.bugfix_ablation)
    return pipelines


def _predict(p: "ProjectParameters", stored_run: dict | None) -> Pipeline:
    """``predict`` for the method that the parameters name, or the one that the stored run chose."""
    from fashion_mocluster.parameters import BEST
    from fashion_mocluster.pipelines import unavailable
    from fashion_mocluster.pipelines.evaluation import predict

    stored = stored_run or {"method": p.evaluation.run_methods[0], "neighbor_mi": {}}
    chosen = p.predict.method == BEST
    name = stored["method"] if chosen else p.predict.method
    method = p.evaluation.methods.get(name)
    runs = {*p.evaluation.run_methods, *stored["neighbor_mi"]}
    makers = {*BUILTIN, *p.encoder_namespaces, *p.joined}
    if name not in runs or method is None or encoder_of(method.representation) not in makers:
        return unavailable.create_pipeline(
            f"predict.method is {p.predict.method}, but no run has stored its clusters; name one of "
            f"{', '.join(stored['neighbor_mi'] or p.evaluation.run_methods)}, or run it first "
            "(evaluation.run_methods)"
        )
    return predict.create_pipeline(p, name, chosen=chosen)
