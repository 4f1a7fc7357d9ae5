"""The runnable pipelines, by name.

Methods of the comparison, trainings and cases of the ablation are data: the parameters decide which
namespaces the pipelines have. They are those of the session under way, or, for commands that start
none such as ``kedro registry list``, those of ``conf/base`` and of the environment in KEDRO_ENV.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.pipeline import Pipeline

from fashion_mocluster import session

if TYPE_CHECKING:
    from fashion_mocluster.parameters import ProjectParameters


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name, for the parameters of the session under way."""
    from fashion_mocluster.parameters import check_parameters

    current = session.current()
    return build_pipelines(check_parameters(current.parameters if current else _from_files()))


def _from_files() -> dict:
    """Completed parameters of the project that the current folder belongs to."""
    from kedro.config import OmegaConfigLoader
    from kedro.utils import find_kedro_project

    from fashion_mocluster.parameters import complete
    from fashion_mocluster.settings import CONFIG_LOADER_ARGS

    project = find_kedro_project(Path.cwd()) or Path(__file__).parents[2]
    env = os.environ.get("KEDRO_ENV")
    loader = OmegaConfigLoader(str(project / "conf"), env, **CONFIG_LOADER_ARGS)
    return complete(loader["parameters"])


def build_pipelines(p: "ProjectParameters") -> dict[str, Pipeline]:
    """Pipelines by name; ``__default__`` is everything but ``ablation`` and ``bugfix_ablation``.

    Every pipeline starts from the raw file, so that it runs on a fresh clone. Only the trainings that
    a method of the comparison needs are part of them.
    """
    from fashion_mocluster.clustering.parameters import starts_from_pixel_clusters
    from fashion_mocluster.parameters import AUTO, BEST
    from fashion_mocluster.pipelines import unavailable
    from fashion_mocluster.pipelines.ablation import bugfix_ablation
    from fashion_mocluster.pipelines.ablation import pipeline as ablation
    from fashion_mocluster.pipelines.cluster_finetuning import pipeline as cluster_finetuning
    from fashion_mocluster.pipelines.data_processing import pipeline as data_processing
    from fashion_mocluster.pipelines.evaluation import pipeline as evaluation
    from fashion_mocluster.pipelines.evaluation import predict, report
    from fashion_mocluster.pipelines.moco_pretraining import pipeline as moco_pretraining

    data = data_processing.create_pipeline()
    pixel_clusters = data_processing.pixel_clusters_pipeline()
    pretraining = moco_pretraining.create_pipeline(p.pretrainings_needed)
    asked_for = p.pretrainings_needed or ["moco"]
    finetuning = cluster_finetuning.create_pipeline(p.finetunings_needed)
    if any(starts_from_pixel_clusters(recipe) for recipe in p.finetunings_needed.values()):
        finetuning += pixel_clusters
    comparison = evaluation.create_pipeline(
        p.methods_run,
        p.evaluation.model_selection.representation,
        p.encoder_namespaces,
        set_aside=p.evaluation.screening.sets_aside,
        auto_n_clusters=p.n_clusters == AUTO,
        equal_sizes=p.equal_sizes_assumed,
        named=p.data.cluster_names is not None,
    )
    if any(starts_from_pixel_clusters(m.clusterer) for m in p.methods_run.values()):
        comparison += pixel_clusters
    all_results = report.create_pipeline(p.methods_run)
    pipelines = {
        "__default__": data + pretraining + finetuning + comparison + all_results,
        "data_processing": data,
        "moco_pretraining": data + moco_pretraining.create_pipeline(asked_for),
        "cluster_finetuning": data + finetuning,
        "evaluation": data + comparison + all_results,
        "report": report.create_pipeline(),
        "ablation": data + ablation.create_pipeline(sorted(set(p.ablation.run))),
    }
    if p.predict_representation is None:
        pipelines["predict"] = unavailable.create_pipeline(
            f"predict.method is {p.predict.method}, which this run leaves out or which has no "
            "encoder; add it to evaluation.run_methods or name another method"
        )
    else:
        chosen = p.predict.method == BEST
        pipelines["predict"] = predict.create_pipeline(
            None if chosen else p.predict.method,
            "Chosen method" if chosen else p.evaluation.methods[p.predict.method].title,
            p.predict_representation,
            p.encoder_namespaces,
            named=p.data.cluster_names is not None,
        )
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
