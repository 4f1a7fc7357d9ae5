import functools
import warnings

import pytest
from omegaconf import OmegaConf

from fashion_mocluster import pipeline_registry, session
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipeline_registry import build_pipelines, register_pipelines
from tests.project_copy import project_parameters


def parameters(env="base", runtime=None):
    """All parameters of an environment, typed."""
    return check_parameters(project_parameters(env, runtime))


def registered(env="base", runtime=None):
    """The pipelines of an environment; a warning is an error."""
    return built(env, runtime) if runtime else built_as_it_is(env)


def built(env, runtime=None):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return build_pipelines(parameters(env, runtime))


# Once, for nothing changes pipelines and many tests look at the same.
built_as_it_is = functools.cache(built)


def test_the_five_pipelines_and_the_default():
    pipelines = registered()
    assert set(pipelines) == {
        "__default__",
        "results",
        "data_processing",
        "moco_pretraining",
        "cluster_finetuning",
        "evaluation",
        "ablation",
        "report",
        "predict",
        "bugfix_ablation",
    }
    names = {node.namespace or "" for node in pipelines["__default__"].nodes}
    assert not any(name.startswith("ablation") for name in names)
    assert {node.namespace for node in pipelines["data_processing"].nodes} == {"data_processing"}


def test_every_node_has_a_name_of_its_own():
    for pipeline in registered().values():
        names = [node.name for node in pipeline.nodes]
        assert all(node._name for node in pipeline.nodes)
        assert len(set(names)) == len(names)


def test_labels_reach_nothing_before_evaluation():
    for name, pipeline in registered().items():
        for node in pipeline.nodes:
            if "labels" in node.inputs:
                assert node.namespace.split(".")[0] in ("evaluation", "ablation"), (name, node)
    thesis = registered("thesis")["cluster_finetuning"].nodes
    takers = {node.name.rsplit(".")[-1] for node in thesis if "labels" in node.inputs}
    assert takers == {"finetune_encoder"}


def test_what_follows_from_labels_never_returns_to_a_training():
    """Nothing a node with labels puts out is an input of pretraining or finetuning."""
    pipeline = registered()["__default__"]
    tainted = pipeline.from_inputs("labels")
    outputs = {output for node in tainted.nodes for output in node.outputs}
    for node in pipeline.nodes:
        if (node.namespace or "").split(".")[0] in ("moco_pretraining", "cluster_finetuning"):
            assert not outputs & set(node.inputs), node


def test_evaluation_needs_nothing_but_files_that_ship():
    free = {n for n in registered()["evaluation"].inputs() if not n.startswith("param")}
    assert free == {
        "raw_images",
        "skipped_files",
        "labels",
        "class_names",
        "image_paths",
        "moco_weights",
        "kmeans_finetuned_weights",
        "spectral_finetuned_weights",
        "run_results",
    }


def test_no_training_shapes_the_neighbors_that_choose_the_method():
    pipeline = registered()["evaluation"]
    (compare,) = (node for node in pipeline.nodes if node.name.endswith("compare_methods"))
    (neighbors,) = (name for name in compare.inputs if name.endswith("_neighbors"))
    needed = {n for n in pipeline.to_outputs(neighbors).inputs() if not n.startswith("param")}
    assert needed == {"raw_images"}


def test_prediction_takes_weights_and_trains_nothing():
    runtime = {"predict": {"method": "moco_hog_turtle"}}
    pipeline = registered(runtime=runtime)["predict"]
    free = {n for n in pipeline.inputs() if not n.startswith("param")}
    assert free == {
        *("new_images", "new_labels", "new_class_names", "new_image_paths", "new_skipped_files"),
        # What the run stored; none of its images, and nothing is clustered anew.
        *("moco_whitened_weights", "hog_whitened_weights", "moco_hog_embeddings"),
        *("moco_hog_neighbor_distances", "moco_hog_turtle_clusters"),
        *("pixel_statistics", "best_method"),
    }
    assert {n.name.rpartition(".")[2] for n in pipeline.nodes} == {
        *("check_new_images", "list_skipped_pictures", "embed_images", "join_new_moco_hog"),
        "predict_clusters",
        *("score_predictions", "draw_predictions"),
    }
    # The thesis's methods leave it out: predict then says so.
    assert [n.name for n in registered("thesis", runtime)["predict"].nodes] == ["explain"]


def test_the_number_of_clusters_comes_from_a_node_where_it_is_to_be_found():
    run = ["moco_kmeans", "moco_umap_hdbscan"]
    evaluation = {"run_methods": run, "model_selection": {"representation": "moco"}}
    for n_clusters, source in ((7, "params:n_clusters"), ("auto", "n_clusters")):
        pipelines = registered(runtime={"n_clusters": n_clusters, "evaluation": evaluation})
        pipeline = pipelines["evaluation"]
        takers = {n.name.rpartition(".")[2] for n in pipeline.nodes if source in n.inputs}
        assert takers >= {"assign_clusters", "score_clusters", "compare_methods"}
        assert ("n_clusters" in pipeline.all_outputs()) == (n_clusters == "auto")
    with pytest.raises(FashionMoClusterError, match="ablations need a number of clusters"):
        pipelines["ablation"].nodes[0].run({"parameters": {}})


def test_methods_wait_for_copies_and_outliers_only_where_these_are_set_aside():
    for screening in ({}, {"collapse_duplicates": True}, {"set_aside_outliers": True}):
        pipeline = registered(runtime={"evaluation": {"screening": screening}})["evaluation"]
        takers = {n.name.rpartition(".")[2] for n in pipeline.nodes if "screened" in n.inputs}
        assert ("assign_clusters" in takers) == bool(screening)
        assert any(taker.startswith("find_neighbors") for taker in takers) == bool(screening)


def test_new_images_follow_the_chosen_method():
    evaluation = {"run_methods": ["moco_kmeans", "moco_turtle"]}
    free = registered(runtime={"evaluation": evaluation})["predict"].inputs()
    assert {"best_clusters", "moco_embeddings", "moco_weights"} <= free
    assert "raw_images" not in free


def test_new_images_are_sorted_by_any_method_that_a_run_stored():
    p = parameters(runtime={"evaluation": {"run_methods": ["moco_kmeans", "kmeans"]}})

    def predicting(name, stored=None):
        """For a method, where the last run stored those of ``stored``, the first of them chosen."""
        run = stored and {"method": stored[0], "neighbor_mi": dict.fromkeys(stored, 1.0)}
        predict = p.predict.model_copy(update={"method": name})
        return pipeline_registry._predict(p.model_copy(update={"predict": predict}), run)

    stored = ["pca_kmeans", "moco_umap_hdbscan"]
    assert {"pca_kmeans_clusters", "pca_steps"} <= predicting("pca_kmeans", stored).inputs()
    assert {"best_clusters", "pca_steps"} <= predicting("best", stored).inputs()
    assert {"best_clusters", "moco_weights"} <= predicting("best").inputs()
    assert "kmeans_clusters" in predicting("kmeans").inputs()
    for name, run in (("pca_kmeans", None), ("pca_turtle", stored), ("best", ["gone"])):
        with pytest.raises(FashionMoClusterError, match="no run has stored its clusters; name one"):
            predicting(name, run).nodes[0].run({"parameters": {}})


def test_self_labeling_has_no_input_but_images_weights_and_parameters():
    pipeline = registered("complete")["cluster_finetuning"]
    nodes = {n.name: set(n.inputs) for n in pipeline.nodes}
    inputs = nodes["cluster_finetuning.self_labeling.finetune_encoder"]
    assert {n for n in inputs if not n.startswith("params:")} == {
        *("images", "moco_weights", "cluster_finetuning.self_labeling.checkpoints"),
        "pixel_clusters",
    }
    assert {"params:embedding", "params:whitening"} <= inputs


def test_pixels_are_clustered_where_something_refers_to_them():
    run = {"evaluation": {"run_methods": ["moco_turtle", "self_labeled_turtle"]}}
    run["evaluation"]["model_selection"] = {"representation": "moco"}

    def takers(runtime, name):
        merged = OmegaConf.to_container(OmegaConf.merge(run, runtime))
        pipeline = registered(runtime=merged)[name]
        makers = [n for n in pipeline.nodes if "pixel_clusters" in n.outputs]
        takers = {n.name for n in pipeline.nodes if "pixel_clusters" in n.inputs}
        assert len(makers) == bool(takers)
        assert all({*n.inputs} == {"images", "params:n_clusters", "params:seed"} for n in makers)
        return takers

    row = {"evaluation": {"methods": {"moco_turtle": {"clusterer": {"init": "pixel_clusters"}}}}}
    recipe = {"finetuning": {"self_labeling": {"init": "pixel_clusters"}}}
    random = {"finetuning": {"self_labeling": {"init": "random"}}}
    scorer = "evaluation.moco_turtle.assign_clusters"
    trainer = "cluster_finetuning.self_labeling.finetune_encoder"
    assert takers(random, "__default__") == set()
    assert takers(row | random, "evaluation") == {scorer}
    assert takers(row | random, "cluster_finetuning") == set()
    assert takers(recipe, "cluster_finetuning") == {trainer}
    assert takers(recipe, "evaluation") == set()
    assert takers(row | recipe, "__default__") == {scorer, trainer}


def test_a_new_row_is_a_few_lines_of_parameters():
    row = {"title": "New", "representation": "moco", "clusterer": {"kind": "gaussian_mixture"}}
    runtime = {"evaluation": {"methods": {"new": row}, "run_methods": ["new"]}}
    pipelines = registered(runtime=runtime)
    assert "new_clusters" in pipelines["evaluation"].all_outputs()


def test_whitened_maps_are_made_from_the_weights_of_their_encoder():
    pipelines = registered("mnist")
    made = {output: n.inputs for n in pipelines["evaluation"].nodes for output in n.outputs}
    for encoder in ("moco", "self_labeling_finetuned"):
        for output in ("weights", "embeddings", "embedding_cost"):
            assert set(made[f"{encoder}_whitened_{output}"]) == {
                *("images", f"{encoder}_weights", "params:whitening", "params:embedding")
            }
    # New images are described by what was fitted to the known ones.
    new = next(n for n in pipelines["predict"].nodes if n.name.endswith("embed_images"))
    assert new.inputs[1] == "self_labeling_finetuned_whitened_weights"
    assert new.inputs[1] in pipelines["evaluation"].all_outputs()


def test_a_row_of_whitened_maps_alone_asks_for_the_training_of_their_encoder():
    row = {"title": "W", "clusterer": {"kind": "kmeans"}}
    wanted = {"a": "joint_whitened", "b": "self_labeling_finetuned_whitened"}
    methods = {name: {**row, "representation": made} for name, made in wanted.items()}
    evaluation = {
        "methods": methods,
        "run_methods": list(methods),
        "model_selection": {"representation": "pixels"},
    }
    pipelines = registered(runtime={"evaluation": evaluation})
    assert "moco_pretraining.joint" in namespaces(pipelines["moco_pretraining"])
    assert namespaces(pipelines["cluster_finetuning"]) == {
        *("data_processing", "cluster_finetuning.self_labeling")
    }


def test_ablation_runs_the_cases_asked_for():
    namespaces = {
        n.namespace for n in registered(runtime={"ablation": {"run": "ga"}})["ablation"].nodes
    }
    assert {n for n in namespaces if n and "case" in n} == {"ablation.case_a", "ablation.case_g"}


def test_without_a_session_the_parameters_of_the_files_are_used(monkeypatch):
    monkeypatch.setattr(session, "current", lambda: None)
    assert len(register_pipelines()) == 10
    monkeypatch.setenv("KEDRO_ENV", "thesis")
    assert "bugfix_ablation.all" in namespaces(register_pipelines()["bugfix_ablation"])


def test_a_pipeline_without_parameters_says_which_environment_has_them():
    node = registered()["bugfix_ablation"].nodes[0]
    with pytest.raises(FashionMoClusterError, match="--env=thesis"):
        node.run({"parameters": {}})


def namespaces(pipeline):
    return {".".join((n.namespace or "").split(".")[:2]) for n in pipeline.nodes}


def test_only_trainings_that_a_method_needs_are_run():
    pipelines = registered()
    assert "moco_pretraining.joint" not in namespaces(pipelines["moco_pretraining"])
    assert "cluster_finetuning.learnable" not in namespaces(pipelines["__default__"])
    complete = registered("complete")["__default__"]
    assert namespaces(complete) >= {
        "moco_pretraining",
        "moco_pretraining.end_to_end",
        "moco_pretraining.joint",
        "cluster_finetuning.kmeans",
        "cluster_finetuning.spectral",
        "cluster_finetuning.learnable",
        "cluster_finetuning.self_labeling",
    }
    run = ["moco_kmeans", "moco_kmeans_finetuned"]
    selection = {"representation": "moco"}  # whose training is needed too
    left = registered(runtime={"evaluation": {"run_methods": run, "model_selection": selection}})
    assert namespaces(left["cluster_finetuning"]) == {
        *("data_processing", "cluster_finetuning.kmeans")
    }


@pytest.mark.parametrize("env", ["complete", "thesis"])
def test_all_ten_methods_of_the_thesis_are_rows(env):
    published = [method.thesis_scores for method in parameters(env).methods_run.values()]
    assert [s.source for s in published if s] == [f"thesis 1{letter}" for letter in "abcdefghij"]


def test_study_trains_once_for_flips_that_do_not_touch_pretraining():
    pipeline = registered("thesis")["bugfix_ablation"]
    trained = {n.namespace for n in pipeline.nodes if n.name.endswith("moco.train_encoder")}
    cases = parameters("thesis").bugfix_ablation.cases
    assert len(cases) == 14
    finetuning_only = {"preprocessing", "checkpoint_selection", "save_weights"}
    assert trained == {f"bugfix_ablation.{case}.moco" for case in set(cases) - finetuning_only}
    inputs = {n.namespace: n.inputs for n in pipeline.nodes if n.name.endswith("moco.embed_images")}
    assert "bugfix_ablation_thesis_weights" in inputs["bugfix_ablation.checkpoint_selection.moco"]
    assert len([n for n in pipeline.nodes if n.name.endswith("finetune_encoder")]) == 14


def test_photos_are_described_by_a_pretrained_network_and_nothing_is_trained():
    pipelines = registered("photos")
    free = {n for n in pipelines["__default__"].inputs() if not n.startswith("param")}
    read = {"raw_images", "labels", "class_names", "image_paths", "skipped_files"}
    assert free == {*read, "run_results", "earlier_backbone_embeddings"}
    (embed,) = [n for n in pipelines["__default__"].nodes if "backbone_embeddings" in n.outputs]
    assert embed.inputs == ["images", "params:backbone", "earlier_backbone_embeddings"]
    # New pictures go through the same function and parameters.
    (new,) = [n for n in pipelines["predict"].nodes if "new_backbone_embeddings" in n.outputs]
    earlier = "earlier_new_backbone_embeddings"
    assert new.inputs == ["predict.checked_images", "params:backbone", earlier]
    assert new.func is embed.func


def test_the_pretrained_network_is_whitened_without_training_another_encoder():
    whitened = {
        "title": "Whitened",
        "representation": "backbone_whitened",
        "clusterer": {"kind": "kmeans"},
    }
    runtime = {
        "evaluation": {"methods": {"whitened": whitened}, "run_methods": ["whitened"]},
        "predict": {"method": "whitened"},
    }
    pipelines = registered("photos", runtime)
    nodes = pipelines["__default__"].nodes
    assert not any(node.name.endswith("train_encoder") for node in nodes)
    (loaded,) = [n for n in nodes if "backbone_weights" in n.outputs]
    assert loaded.inputs == ["images", "params:backbone"]
    (whiten,) = [n for n in nodes if "backbone_whitened_embeddings" in n.outputs]
    assert "backbone_weights" in whiten.inputs
    (new,) = [
        n for n in pipelines["predict"].nodes if "new_backbone_whitened_embeddings" in n.outputs
    ]
    assert "backbone_whitened_weights" in new.inputs


def test_no_method_for_photos_assumes_clusters_of_equal_size():
    methods = parameters("photos").methods_run.values()
    assert {m.representation for m in methods} == {"backbone"}
    assert "turtle" not in {m.clusterer.kind for m in methods}


def test_a_method_may_begin_at_the_clusters_of_another():
    evaluation = {
        "run_methods": ["hog_turtle", "moco_turtle"],
        "methods": {"moco_turtle": {"clusterer": {"init": "hog_turtle"}}},
    }
    pipeline = registered(runtime={"evaluation": evaluation})["evaluation"]
    nodes = {n.name: n for n in pipeline.nodes if n.name.endswith("assign_clusters")}
    assert "hog_turtle_assignments" in nodes["evaluation.moco_turtle.assign_clusters"].inputs
    assert "pixel_clusters" not in nodes["evaluation.moco_turtle.assign_clusters"].inputs
    assert "pixel_clusters" in nodes["evaluation.hog_turtle.assign_clusters"].inputs
