"""The runnable pipelines, by name.

Methods of the comparison, cases of the ablation and the label-using choice of the thesis are
data: the parameters of the present run decide which namespaces the pipelines have.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from kedro.pipeline import Pipeline

if TYPE_CHECKING:
    from fashion_mocluster.parameters import ProjectParameters

_parameters: "ProjectParameters | None" = None


def use_parameters(parameters: "ProjectParameters") -> None:
    """Build the pipelines from these parameters; called whenever parameters are loaded."""
    global _parameters
    _parameters = parameters


def _parameters_of_base() -> "ProjectParameters":
    """For commands that list pipelines without starting a session.

    Read without Kedro's loader: a second one would take over the resolvers of the session's.
    """
    from kedro.utils import find_kedro_project
    from omegaconf import OmegaConf

    from fashion_mocluster.parameters import check_parameters

    project = find_kedro_project(Path.cwd()) or Path(__file__).parents[2]
    files = sorted((project / "conf" / "base").glob("parameters*.yml"))
    return check_parameters(OmegaConf.to_container(OmegaConf.merge(*map(OmegaConf.load, files))))


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; ``__default__`` is everything but ablation and bugfix_ablation.

    Only the trainings that a method of the comparison needs are part of them.
    """
    from fashion_mocluster.pipelines.ablation import bugfix_ablation
    from fashion_mocluster.pipelines.ablation import pipeline as ablation
    from fashion_mocluster.pipelines.cluster_finetuning import pipeline as cluster_finetuning
    from fashion_mocluster.pipelines.data_processing import pipeline as data_processing
    from fashion_mocluster.pipelines.evaluation import pipeline as evaluation
    from fashion_mocluster.pipelines.evaluation import predict, report
    from fashion_mocluster.pipelines.moco_pretraining import pipeline as moco_pretraining
    from fashion_mocluster.representations import encoder_of

    p = _parameters or _parameters_of_base()
    data = data_processing.create_pipeline()
    needed = {encoder_of(name) for name in p.representations}
    variants = [name for name in p.variants if name in needed]
    moco = moco_pretraining.create_pipeline(variants)
    finetuned = [name for name in p.finetuning if f"{name}_finetuned" in needed]
    finetuning = cluster_finetuning.create_pipeline(
        {name: p.finetuning[name] for name in finetuned}
    )
    reference = data_processing.reference_pipeline()
    if any(getattr(p.finetuning[name], "init", "random") == "pixel_clusters" for name in finetuned):
        finetuning += reference
    encoders = {
        "moco": "moco_pretraining",
        **{name: f"moco_pretraining.{name}" for name in p.variants},
        **{f"{name}_finetuned": f"cluster_finetuning.{name}" for name in p.finetuning},
    }
    with_reference = {
        name for name in p.methods if p.evaluation.methods[name].clusterer.needs_pixel_clusters
    }
    comparison = evaluation.create_pipeline(
        p.methods, p.evaluation.model_selection.representation, encoders, with_reference
    )
    if with_reference:
        comparison += reference
    pipelines = {
        "__default__": data + moco + finetuning + comparison + report.create_pipeline(p.methods),
        "data_processing": data,
        # Each of the others starts from the raw file, so that it runs on a fresh clone.
        "moco_pretraining": data + moco,
        "cluster_finetuning": data + finetuning,
        "evaluation": data + comparison,
        "report": report.create_pipeline(),
        "ablation": data + ablation.create_pipeline(sorted(set(p.ablation.run))),
    }
    method = p.predict.method
    known = p.methods.get(method)
    if known and encoder_of(known) in encoders:
        clusters = (data + comparison).to_outputs(f"{method}_assignments", f"{known}_embeddings")
        pipelines["predict"] = clusters + predict.create_pipeline(method, known)
    if p.bugfix_ablation is not None:
        pipelines["bugfix_ablation"] = data + bugfix_ablation.create_pipeline(p.bugfix_ablation)
    return pipelines
