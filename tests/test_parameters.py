import json

import pytest
import torch

from fashion_mocluster.learning.parameters import (
    BaseFinetuningParameters,
    MocoParameters,
    WhiteningParameters,
)
from fashion_mocluster.parameters import ParameterError, check_parameters
from fashion_mocluster.parameters.completion import at
from fashion_mocluster.provenance import leaves
from tests.project_copy import PROJECT, project_parameters

ROW = {"title": "T", "representation": "moco", "clusterer": {"kind": "kmeans"}}


@pytest.mark.parametrize("env", sorted(folder.name for folder in PROJECT.glob("conf/*/")))
def test_every_environment_is_valid(env):
    check_parameters(project_parameters(env))


@pytest.mark.parametrize(("env", "other"), [("best_60k", "best_70k"), ("mnist", "best_10k")])
def test_a_training_on_other_images_is_unchanged(env, other):
    one, two = (check_parameters(project_parameters(name, {"seed": 0})) for name in (env, other))
    assert (one.moco, one.whitening) == (two.moco, two.whitening)


def test_60000_images_are_clustered_as_70000_are():
    one, two = (check_parameters(project_parameters(name)) for name in ("best_60k", "best_70k"))
    assert one.methods_run.items() <= two.methods_run.items()


@pytest.mark.parametrize(("env", "seed"), [("best_10k", 10), ("best_70k", 32)])
def test_the_weights_that_ship_are_of_the_recipe_as_it_is(env, seed):
    shipped = PROJECT / "data" / "06_models" / "pretrained" / env / f"seed_{seed}"
    run = json.loads((shipped / "run_info.json").read_text())
    assert run["seed"] == seed
    now, then = project_parameters(env), run["parameters"]
    assert now["seed"] == seed
    for recipe in (now, then):  # this one changes color images only
        for group in (recipe["moco"], recipe["whitening"]):
            group["views"].pop("gray_probability", None)
    # A parameter that came since then has its default.
    for group, kind in (("moco", MocoParameters), ("whitening", WhiteningParameters)):
        assert kind(**now[group]) == kind(**then[group])
    encoder = torch.load(shipped / "moco.pt", weights_only=True)["encoder"]
    assert encoder == now["moco"]["encoder"]


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ({"moco": {"epochs": "many"}}, r"moco.epochs: .*integer.*got 'many'"),
        ({"moco": {"views": {"crop_scale": {"low": 2}}}}, "moco.views.crop_scale: low"),
        ({"n_clusters": 2.5}, "n_clusters: give a whole number of at least 1, or auto .got 2.5"),
        ({"n_clusters": True}, "n_clusters: .*got True"),
        ({"n_clusters": "many"}, "n_clusters: .*or auto .got 'many'"),
        ({"evaluation": {"n_clusters_tried": {"low": 9, "high": 4}}}, "low .9. is above high .4."),
        ({"evaluation": {"export": "move"}}, "evaluation.export: .*'copies' .got 'move'"),
        ({"evaluation": {"screening": {"collapse": True}}}, "evaluation.screening.collapse: there"),
        (
            {"evaluation": {"methods": {"best": ROW}}},
            "evaluation.methods.best: other results have this name; rename it",
        ),
        ({"data": {"split": "half"}}, "data.split: "),
        (
            {"finetuning": {"kmeens": {}}},
            r"finetuning.kmeens: .assign. is required in it; did you mean kmeans",
        ),
        (
            {"finetuning": {"kmeans": {"surrogate": {"lambda": 1}}}},
            "finetuning.kmeans.surrogate.lambda: there is no such",
        ),
        (
            {"evaluation": {"methods": {"kmeans": {"clusterer": {"kind": "dbscan"}}}}},
            "evaluation.methods.kmeans.clusterer.kind: .*'turtle', 'hdbscan' .got 'dbscan",
        ),
        (
            {"evaluation": {"methods": {"kmeans": {"clusterer": {"n_neighbors": 50}}}}},
            "kmeans.clusterer.n_neighbors: there is no such parameter here with kind: kmeans",
        ),
        ({"seed": "one"}, "seed: .*got 'one'"),
        (
            {"finetuning": {"kmeans": {"assign": "dbscan"}}},
            "kmeans.assign: .*'learnable_centers', 'turtle' .got 'dbscan",
        ),
        (
            {
                "whitening": {"stage": 4},
                "finetuning": {"self_labeling": {"features": "whitened_maps"}},
            },
            "whitening.stage is 4, but the encoder of moco has 3 stages; lower it",
        ),
        (
            {
                "variants": {"joint": {"encoder": {"blocks": [1], "widths": [8]}}},
                "evaluation": {"methods": {"moco_kmeans": {"representation": "joint_whitened"}}},
            },
            "whitening.stage is 2, but the encoder of joint has 1 stage;",
        ),
        ({"hog_whitening": {"stage": 2}}, "hog_whitening.stage is 2, but hog has one stage"),
        (
            {
                "evaluation": {
                    "run_methods": ["moco_turtle", "hog_turtle"],
                    "methods": {"moco_turtle": {"clusterer": {"init": "hog_turtle"}}},
                }
            },
            "moco_turtle.clusterer.init is hog_turtle, .* nor a method that is run before",
        ),
        (
            {
                "evaluation": {
                    "run_methods": ["moco_umap_hdbscan", "moco_turtle"],
                    "methods": {"moco_turtle": {"clusterer": {"init": "moco_umap_hdbscan"}}},
                }
            },
            "init is moco_umap_hdbscan, which finds how many clusters there are",
        ),
        ({"variants": {"my_whitened": {"epochs": 1}}}, "variants.my_whitened: .*rename it"),
        ({"variants": {"my_finetuned": {"epochs": 1}}}, "variants.my_finetuned: .*rename it"),
        ({"variants": {"ablation_x": {"epochs": 1}}}, "variants.ablation_x: .*rename it"),
        ({"data": {"path": 2024.5}}, "data.path: .*--params='data.path=\"...\"'"),
        ({"data": {"path": {"/p/a": "b"}}}, "data.path: .*--params='data.path=\"...\"'"),
        ({"data": {"image_shape": {0: 32}}}, "data.image_shape: .*write it in conf/"),
        ({"moco": {"encoder": {"blocks": "1"}}}, "moco.encoder.blocks: .*parameters.yml"),
        ({"evaluation": ["kmeans"]}, "  evaluation: Input should be a valid dictionary"),
        ({"report": 3, "evaluation": {"show_thesis_scores": False}}, "  report: Input should be"),
        (
            {"evaluation": {"run_methods": ["kmean"]}},
            "evaluation.run_methods: there is no method 'kmean'; did you mean kmeans",
        ),
        ({"predict": {"method": "turtle"}}, "predict.method: there is no method 'turtle'"),
        (
            {"evaluation": {"methods": {"kmeans": {"representation": "mocco"}}}},
            "unknown representation 'mocco'; did you mean moco",
        ),
        (
            {"report": {"literature": [{"title": "x", "images": "1", "source": "y", "acc": 79}]}},
            "report.literature.0.acc: ",
        ),
        (
            {"report": {"title": "mine", "compare_with": {"mine": "data/thesis"}}},
            "report: compare_with has an entry 'mine', .*rename one of them",
        ),
    ],
)
def test_wrong_parameters_are_named(runtime, message):
    with pytest.raises(ParameterError, match=message):
        check_parameters(project_parameters(runtime=runtime))


def with_methods(*names, **evaluation):
    """Parameters that run these methods, compared in the representation of the first."""
    selection = {"model_selection": {"representation": "moco"}}
    return {"evaluation": {"run_methods": list(names), **selection, **evaluation}}


@pytest.mark.parametrize(
    ("names", "changed", "needing"),
    [
        (["moco_kmeans", "moco_kmeans_finetuned"], {}, "kmeans"),
        (["moco_kmeans", "joint_kmeans"], {}, "joint"),
        (
            ["moco_turtle"],
            {"methods": {"moco_turtle": {"clusterer": {"init": "pixel_clusters"}}}},
            "moco_turtle",
        ),
    ],
)
def test_what_needs_the_number_of_clusters_earlier_is_named(names, changed, needing):
    runtime = with_methods(*names, **changed)
    check_parameters(project_parameters(runtime=runtime))
    with pytest.raises(ParameterError, match=f"n_clusters is auto, but {needing} need a number"):
        check_parameters(project_parameters(runtime={**runtime, "n_clusters": "auto"}))


def test_the_number_of_clusters_may_be_found_where_nothing_needs_it_earlier():
    runtime = {
        **with_methods("moco_kmeans", "moco_umap_kmeans", "pca_turtle"),
        "n_clusters": "auto",
    }
    assert check_parameters(project_parameters(runtime=runtime)).n_clusters == "auto"


def test_methods_that_assume_equal_sizes_are_known():
    names = ["kmeans", "moco_turtle", "moco_umap_kmeans", "self_labeled_umap_kmeans"]
    parameters = check_parameters(project_parameters(runtime=with_methods(*names)))
    assert parameters.equal_sizes_assumed == ["moco_turtle", "self_labeled_umap_kmeans"]


@pytest.mark.parametrize("name", ["hog_whitening", "patches_whitening"])
def test_hog_and_patches_are_whitened_as_maps_are_but_for_what_they_name(name):
    views = {"noise_std": 7, "crop_scale": {"high": 0.9}}
    p = check_parameters(project_parameters(runtime={"whitening": {"views": views}}))
    own = getattr(p, name)
    assert (own.stage, p.whitening.stage) == (1, 2)
    assert own.shrinkage == p.whitening.shrinkage
    assert own.views.noise_std == 7
    assert (own.views.crop_scale.low, p.whitening.views.crop_scale.low) == (0.7, 0.5)
    assert own.views.crop_scale.high == 0.9


def test_self_labeling_sees_the_views_of_moco_unless_it_names_its_own():
    runtime = {"moco": {"views": {"rotation_degrees": 3}}}
    p = check_parameters(project_parameters(runtime=runtime))
    assert p.finetuning["self_labeling"].views == p.moco.views
    runtime["finetuning"] = {"self_labeling": {"views": {"noise_std": 0}}}
    p = check_parameters(project_parameters(runtime=runtime))
    own = p.finetuning["self_labeling"].views
    assert own == p.moco.views.model_copy(update={"noise_std": 0})


def test_whitening_takes_seed_and_views_from_the_training_but_for_what_it_names():
    runtime = {"seed": 7, "moco": {"views": {"rotation_degrees": 3}}}
    runtime["whitening"] = {"views": {"brightness": {"low": 0.5, "high": 2}}}
    p = check_parameters(project_parameters(runtime=runtime))
    assert p.whitening.seed == 7
    own = p.whitening.views
    assert (own.rotation_degrees, own.brightness.low, own.brightness.high) == (3, 0.5, 2)
    same = {"brightness", "gamma"}
    assert own.model_dump(exclude=same) == p.moco.views.model_dump(exclude=same)


def test_all_wrong_parameters_are_named_at_once():
    with pytest.raises(ParameterError) as error:
        check_parameters(project_parameters(runtime={"moco": {"epoch": 1}, "n_clusters": -1}))
    assert "moco.epoch" in str(error.value)
    assert "n_clusters" in str(error.value)


def test_thesis_environment_is_the_published_protocol():
    p = check_parameters(project_parameters("thesis"))
    assert (p.moco.epochs, p.moco.batch_size, p.moco.contrast.queue_size) == (300, 256, 8192)
    assert set(p.moco.quirks.model_dump().values()) == {True}
    assert p.finetuning["spectral"].checkpoint_selection == "thesis_score"
    assert p.evaluation.methods["moco_kmeans"].clusterer.n_init == 35
    # Base chooses nothing by labels.
    base = check_parameters(project_parameters())
    surrogate = [f for f in base.finetuning.values() if isinstance(f, BaseFinetuningParameters)]
    assert {f.checkpoint_selection for f in surrogate} == {"label_free"}


@pytest.fixture
def bugfix_ablation():
    return check_parameters(project_parameters("thesis")).bugfix_ablation


def test_flips_put_right_what_the_thesis_has_and_base_has_right(bugfix_ablation):
    """Each flip leads from the value of thesis to that of base, and names a finding once."""
    thesis, base = project_parameters("thesis"), project_parameters("base")
    groups = {"finetuning": ["finetuning", "kmeans"]}
    for name, flip in bugfix_ablation.fixes.items():
        for key, value in leaves(flip.overrides).items():
            group, *rest = key.split(".")
            path = [*groups.get(group, [group]), *rest]
            if "quirks" in path:  # which base has none of
                assert value is False
                assert base["moco"]["quirks"] is None
            else:
                assert at(base, *path) == value, (name, path)
            if "views" not in path:
                assert at(thesis, *path) != value, (name, path)
    assert [flip.issue for flip in bugfix_ablation.fixes.values()] == list(range(1, 13))


def test_cases_of_the_study_differ_by_their_flip(bugfix_ablation):
    published = leaves(bugfix_ablation.cases["thesis"].model_dump())
    for name, flip in bugfix_ablation.fixes.items():
        case = leaves(bugfix_ablation.cases[name].model_dump())
        keys = published.keys() | case.keys()
        differing = {key for key in keys if published.get(key) != case.get(key)}
        assert first_two(differing) == first_two(leaves(flip.overrides)), name


def first_two(keys):
    """The first two parts of dotted keys."""
    return {tuple(key.split(".")[:2]) for key in keys}


def test_the_seed_reaches_every_training_that_names_none():
    parameters = check_parameters(project_parameters(runtime={"seed": 7}))
    assert parameters.moco.seed == parameters.variants["joint"].seed == 7
    assert {f.seed for f in parameters.finetuning.values()} == {7}
    assert {c.seed for c in parameters.ablation.cases.values()} == {7}
    own = check_parameters(project_parameters(runtime={"seed": 7, "moco": {"seed": 3}}))
    assert (own.moco.seed, own.finetuning["kmeans"].seed) == (3, 7)


def test_variants_differ_from_moco_by_what_they_say():
    parameters = check_parameters(project_parameters(runtime={"moco": {"epochs": 9}}))
    moco = parameters.moco.model_dump()
    joint = parameters.variants["joint"].model_dump()
    assert {key for key in moco if moco[key] != joint[key]} == {"clustering"}
    assert parameters.variants["end_to_end"].epochs == 9


@pytest.mark.parametrize(
    ("env", "change", "keys"),
    [
        ("base", {"moco": {"epoch": 3, "views": {"crop": 1}}}, ["moco.epoch", "moco.views.crop"]),
        ("thesis", {"finetuning": {"kmeans": {"epoch": 3}}}, ["finetuning.kmeans.epoch"]),
        ("thesis", {"embedding": {"mirror": True}}, ["embedding.mirror"]),
        (
            "base",
            {"variants": {"joint": {"epoch": 3}}, "whitening": {"views": {"crop": 1}}},
            ["variants.joint.epoch", "whitening.views.crop"],
        ),
    ],
)
def test_a_misspelled_key_is_reported_once(env, change, keys):
    with pytest.raises(ParameterError) as error:
        check_parameters(project_parameters(env, change))
    lines = str(error.value).splitlines()[1:]
    assert sorted(line.strip().partition(": ")[0] for line in lines) == sorted(keys)


def test_the_seed_moves_clusterers_and_whitening_unless_they_name_their_own():
    zero, one = (check_parameters(project_parameters(runtime={"seed": s})) for s in (0, 1))
    assert (zero.evaluation.seed, zero.ablation.seed, zero.whitening.seed) == (42, 42, 0)
    assert (one.evaluation.seed, one.ablation.seed, one.whitening.seed) == (43, 43, 1)
    own = check_parameters(project_parameters(runtime={"seed": 1, "evaluation": {"seed": 5}}))
    assert own.evaluation.seed == 5


def test_the_home_folder_is_written_out_in_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    runtime = {"data": {"path": "~/photos"}, "predict": {"path": "~/new, ones"}}
    parameters = check_parameters(project_parameters(runtime=runtime))
    assert parameters.data.path == "/home/somebody/photos"
    assert parameters.predict.path == "/home/somebody/new, ones"


def test_a_folder_per_year():
    runtime = {"data": {"path": 2024}, "predict": {"path": 2025}}
    parameters = check_parameters(project_parameters(runtime=runtime))
    assert (parameters.data.path, parameters.predict.path) == ("2024", "2025")


def test_scores_of_the_thesis_are_shown_where_asked_for():
    def shown(flag):
        runtime = {"evaluation": {"show_thesis_scores": flag}}
        methods = check_parameters(project_parameters(runtime=runtime)).evaluation.methods
        return [name for name, method in methods.items() if method.thesis_scores]

    assert len(shown(True)) == 10
    assert shown(False) == []


def test_anchors_are_no_parameters():
    assert not [key for key in project_parameters("thesis") if key.startswith("_")]
