import pytest

from fashion_mocluster.parameters import ParameterError, check_parameters
from tests.conftest import project_parameters


@pytest.mark.parametrize("env", ["base", "smoke", "thesis", "local"])
def test_every_environment_is_valid(env):
    check_parameters(project_parameters(env))


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ({"mocoo": {"epochs": 3}}, "mocoo: no parameter of this name"),
        ({"moco": {"epoch": 3}}, "moco.epoch: no parameter of this name"),
        ({"moco": {"epochs": "many"}}, r"moco.epochs: .*integer.*got 'many'"),
        ({"moco": {"epochs": 0}}, r"moco.epochs: .*got 0"),
        ({"moco": {"contrast": {"temperature_start": -1}}}, "moco.contrast.temperature_start: "),
        ({"moco": {"views": {"crop_area": {"low": 2}}}}, "moco.views.crop_area: low"),
        ({"moco": {"views": {"blur_kernel": 4}}}, "moco.views: blur_kernel must be odd"),
        ({"moco": {"encoder": {"blocks": [1]}}}, "moco.encoder: blocks .1 stages. and widths"),
        ({"moco": {"encoder": {"projection_dim": None}}}, "projection_hidden and projection_dim"),
        ({"n_clusters": 0}, "n_clusters: "),
        ({"n_clusters": 2.5}, "n_clusters: "),
        ({"data": {"split": "half"}}, "data.split: "),
        ({"finetuning": {"kmeens": {}}}, "finetuning.kmeens: no parameter"),
        ({"finetuning": {"kmeans": {"surrogate": {"lambda": 1}}}}, "surrogate.lambda: no param"),
        ({"evaluation": {"methods": {"Bad-Name": {}}}}, "evaluation.methods.Bad-Name"),
        ({"evaluation": {"methods": {"kmeans": {"clusterer": {"kind": "dbscan"}}}}}, "kind: "),
        (
            {"evaluation": {"methods": {"kmeans": {"representation": "external"}}}},
            "evaluation.external_embeddings",
        ),
        ({"ablation": {"run": "abz"}}, "ablation.run: "),
    ],
)
def test_wrong_parameters_are_named(runtime, message):
    with pytest.raises(ParameterError, match=message):
        check_parameters(project_parameters(runtime=runtime))


def test_all_wrong_parameters_are_named_at_once():
    with pytest.raises(ParameterError) as error:
        check_parameters(project_parameters(runtime={"moco": {"epoch": 1}, "n_clusters": -1}))
    assert "moco.epoch" in str(error.value)
    assert "n_clusters" in str(error.value)


def test_thesis_environment_is_the_published_protocol():
    p = check_parameters(project_parameters("thesis"))
    assert (p.moco.epochs, p.moco.batch_size, p.moco.contrast.queue_size) == (300, 256, 8192)
    assert p.moco.contrast.queue_normalisation == "dimension"
    assert p.moco.optimizer.cosine_period == "epochs_counted_as_steps"
    assert p.finetuning.spectral.selection == "thesis_score"
    assert p.evaluation.methods["moco_kmeans"].clusterer.n_init == 35
    # Base chooses nothing by labels.
    base = check_parameters(project_parameters())
    assert {base.finetuning.kmeans.selection, base.finetuning.spectral.selection} == {"label_free"}
