import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.checkpoints import CheckpointMismatchError
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import EmbeddingParameters, MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import Pretraining, pretrain, smaller_batches
from fashion_mocluster.learning.weights import EncoderWeights
from tests.learning.stores import DyingStore, Killed, MemoryStore, assert_resumes, same_weights

STATISTICS = PixelStatistics(127, 70)


def train(images, parameters, store=None, assign=None, n_clusters=2):
    store = MemoryStore() if store is None else store
    return pretrain(images, STATISTICS, parameters, store, assign=assign, n_clusters=n_clusters)


def changed(parameters, **changes):
    """The recipe with other values, checked; mappings change what they name."""
    values = parameters.model_dump()
    for key, value in changes.items():
        values[key] = {**values[key], **value} if isinstance(values[key], dict) else value
    return MocoParameters(**values)


def end_to_end(parameters):
    temperatures = {"temperature_start": 0.2, "temperature_end": 0.1}
    contrast = {"mechanism": "end_to_end", **temperatures}
    return MocoParameters(**{**parameters.model_dump(), "contrast": contrast})


def joint(parameters, **changes):
    return changed(
        parameters,
        clustering={"weight": 2.0, "clustering_start": 0.5, "assign": "kmeans", **changes},
    )


def by_two(z):
    return KMeans(2, n_init=1, random_state=0).fit_predict(z)


def test_history_has_every_epoch_and_weights_change(images, moco_parameters):
    result = train(images, moco_parameters)
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert result.history[0]["temperature"] == pytest.approx(0.2)
    assert result.history[-1]["temperature"] == pytest.approx(0.1)
    assert all(np.isfinite(list(row.values())).all() for row in result.history)
    assert [cost["epoch"] for cost in result.costs] == [1, 2, 3]
    assert not same_weights(
        result.weights, train(images, changed(moco_parameters, epochs=1)).weights
    )


def test_same_seed_same_weights_other_seed_other_weights(images, moco_parameters):
    a, b = (train(images, moco_parameters) for _ in range(2))
    assert same_weights(a.weights, b.weights)
    assert not same_weights(a.weights, train(images, changed(moco_parameters, seed=4)).weights)


@pytest.mark.parametrize("variant", [lambda p: p, end_to_end, joint])
@pytest.mark.slow
def test_a_killed_run_ends_bit_for_bit_the_same(images, moco_parameters, variant):
    p = variant(moco_parameters)
    assert_resumes(lambda store: train(images, p, store, by_two), saves=2)


def test_other_parameters_or_images_are_refused_by_name(images, moco_parameters):
    store = MemoryStore()
    train(images, moco_parameters, store)
    with pytest.raises(CheckpointMismatchError, match=r"batch_size \(checkpoint 16, now 8\)"):
        train(images, changed(moco_parameters, batch_size=8), store)
    with pytest.raises(CheckpointMismatchError, match="images"):
        train(images[:40], moco_parameters, store)


def test_another_number_of_clusters_matters_to_joint_training_alone(images, moco_parameters):
    store, p = MemoryStore(), changed(moco_parameters, epochs=1)
    train(images, p, store)
    train(images, p, store, n_clusters=3)
    store = MemoryStore()
    train(images, joint(p), store, by_two)
    with pytest.raises(CheckpointMismatchError, match=r"n_clusters \(checkpoint 2, now 3\)"):
        train(images, joint(p), store, by_two, n_clusters=3)


def test_another_number_of_threads_may_continue(images, moco_parameters):
    store = MemoryStore()
    train(images, moco_parameters, store)
    train(images, changed(moco_parameters, compute={"threads": "auto"}), store)


@pytest.mark.parametrize(
    ("stopping", "stored"), [(None, ["last"]), ({"patience": 2}, ["best", "last"])]
)
def test_the_best_epoch_is_stored_where_it_may_be_chosen(images, moco_parameters, stopping, stored):
    store, p = MemoryStore(), changed(moco_parameters, epochs=1, early_stopping=stopping)
    train(images, p, store)
    assert [name for name in store.names() if "epoch" not in name] == stored


def test_early_stopping_returns_the_best_epoch(images, moco_parameters):
    p = changed(moco_parameters, epochs=9, early_stopping={"patience": 2, "min_delta": 100})
    result = train(images, p)
    assert len(result.history) == 3
    # Nothing improved by 100, so the best epoch is the first one.
    store = DyingStore(saves=1)
    with pytest.raises(Killed):
        train(images, changed(moco_parameters, epochs=9), store)
    first = store.states["last"]["training"]["moco"]
    for name, value in result.weights.state.items():
        assert torch.equal(value, first[f"query_encoder.{name}"])


def cured(parameters, cure):
    """The recipe with parameters as ``--params`` takes them."""
    values, compute = {}, {}
    for part in cure.split(","):
        key, value = part.split("=")
        group = compute if key.startswith("moco.compute.") else values
        group[key.rpartition(".")[2]] = None if value == "null" else int(value)
    return changed(parameters, **values, compute=compute)


@pytest.mark.parametrize(
    ("splits", "compute"),
    [
        *((splits, {}) for splits in (1, 2, 4)),
        (4, {"processes": 2}),
        (4, {"processes": 2, "nodes": 2, "rendezvous": "host:29500"}),
    ],
)
def test_with_too_few_images_the_cure_that_is_named_works(moco_parameters, splits, compute):
    p = changed(moco_parameters, batch_size=304, bn_splits=splits, compute=compute)
    for n in range(2, 301):
        assert cured(p, smaller_batches(n, p, "moco")).batch_size <= n


@pytest.mark.parametrize("n", [2, 3, 7, 20])
def test_too_few_images_can_be_trained_on_as_the_error_says(images, moco_parameters, n):
    p = changed(moco_parameters, batch_size=32, bn_splits=4, encoder={"projection_batchnorm": True})
    with pytest.raises(
        ValueError, match=rf"batch_size is 32, more than there are: {n} images?;"
    ) as error:
        train(images[:n], p)
    cure = str(error.value).partition("--params=")[2]
    assert cure == smaller_batches(n, p, "moco")
    assert len(train(images[:n], cured(p, cure)).history) == 3


@pytest.mark.parametrize("rest", [1, 2, 3, 5, 6, 7, 9, 15])
def test_a_last_batch_of_any_size_trains_in_splits_of_two_or_more(images, moco_parameters, rest):
    p = changed(
        moco_parameters,
        **{"epochs": 1, "bn_splits": 4, "drop_last": False},
        encoder={"projection_batchnorm": True},
    )
    training, seen = Pretraining(images[: 16 + rest], STATISTICS, p), []
    norm = training.moco.query_encoder.projector.mlp[1]
    norm.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    for step, batch in enumerate(training.begin_epoch(0)):
        assert training.train_step(batch, step)["loss"].isfinite()
    # A single image has no batch statistics: it waits for another epoch's order.
    assert sum(seen) == 16 + (rest if rest > 1 else 0)
    assert min(seen) >= 2
    assert len(seen) == 4 + min(4, rest // 2)


@pytest.mark.parametrize(("drop_last", "seen"), [(True, 48), (False, 60)])
def test_the_smaller_last_batch_is_dropped_or_not(images, moco_parameters, drop_last, seen):
    p = changed(moco_parameters, drop_last=drop_last)
    assert sum(map(len, Pretraining(images[:60], STATISTICS, p).begin_epoch(0))) == seen


QUIRKS = (
    "normalize_queue_over_samples",
    "step_cosine_per_batch",
    "keep_false_negatives",
    "resample_twice",
)


@pytest.mark.parametrize("quirk", QUIRKS)
@pytest.mark.slow
def test_each_quirk_changes_the_weights(images, moco_parameters, quirk):
    quirky = changed(moco_parameters, quirks={quirk: True})
    assert not same_weights(train(images, moco_parameters).weights, train(images, quirky).weights)


def test_false_negatives_are_warned_about_where_every_image_has_some(
    images, moco_parameters, caplog
):
    train(images[:40], changed(moco_parameters, quirks={"keep_false_negatives": True}))
    assert "set moco.quirks.keep_false_negatives=false" in caplog.text


def test_without_a_queue_the_quirks_of_the_queue_do_not_matter(images, moco_parameters):
    plain = end_to_end(moco_parameters)
    quirky = changed(plain, quirks={"keep_false_negatives": True})
    assert same_weights(train(images, plain).weights, train(images, quirky).weights)


def test_the_monitored_loss_is_that_at_the_last_temperature(images, moco_parameters):
    """At rate 0 weights and views do not depend on the temperature of the step."""
    p = changed(moco_parameters, epochs=1, optimizer={"learning_rate": 1e-30})
    at_final = changed(p, contrast={"temperature_start": p.contrast.temperature_end})
    expected = train(images, at_final).history[0]
    row = train(images, p).history[0]
    assert row["monitored_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert row["loss"] != pytest.approx(expected["loss"], rel=1e-3)
    raw = train(images, changed(p, quirks={"monitor_raw_loss": True})).history[0]
    assert raw["monitored_loss"] == raw["loss"] == row["loss"]


def test_nearest_positives_train_another_encoder(images, moco_parameters):
    nearest = train(images, changed(moco_parameters, contrast={"positive": "nearest_neighbor"}))
    assert np.isfinite([row["loss"] for row in nearest.history]).all()
    assert not same_weights(nearest.weights, train(images, moco_parameters).weights)


def test_joint_training_pulls_clusters_together_after_its_time(images, moco_parameters):
    p, calls = changed(moco_parameters, epochs=8), []

    def counted(z):
        calls.append(np.linalg.norm(z, axis=1))
        return by_two(z)

    plain = train(images, p)
    both = train(images, joint(p, weight=20), assign=counted)
    assert len(calls) == 4
    np.testing.assert_allclose(np.concatenate(calls), 1, rtol=1e-5)
    assert plain.history[:4] == both.history[:4]
    silhouettes = []
    for result in (plain, both):
        z = embed(images, result.weights, EmbeddingParameters())
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        silhouettes.append(silhouette_score(z, by_two(z)))
    assert silhouettes[1] > silhouettes[0]


def test_joint_training_without_a_way_to_find_clusters_is_refused(images, moco_parameters):
    for given in ({"assign": None}, {"assign": by_two, "n_clusters": None}):
        with pytest.raises(ValueError, match="joint training needs `assign`"):
            train(images, joint(moco_parameters), **given)


def test_keys_come_back_at_their_own_places(images, moco_parameters):
    """In eval mode splits and order change nothing."""
    training = Pretraining(images, STATISTICS, changed(moco_parameters, bn_splits=4))
    x = torch.rand(8, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    keys = training.moco.key_encoder.eval()
    torch.testing.assert_close(training._project_shuffled(x), keys.project(x))


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        ("bn_splits", 5, "must divide batch_size"),
        ("bn_splits", 16, "must divide batch_size"),
        ("contrast", {"mechanism": "end_to_end"}, "contrast.end_to_end.queue_size"),
        ("clustering", {"weight": 1, "n_neighbors": 5}, "n_neighbors belongs to assign: spectral"),
        ("compute", {"device": "cuda:first"}, "compute.device"),
    ],
)
def test_parameters_without_a_meaning_are_refused(moco_parameters, group, values, message):
    with pytest.raises(ValidationError, match=message):
        changed(moco_parameters, **{group: values})


def test_color_images_larger_than_the_encoder_sees(moco_parameters):
    """They are averaged down for training and embedding alike, as the weights say."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, 40, 20, 3), dtype=np.uint8)
    colors = {"contrast": {"low": 0.6, "high": 1.4}, "saturation": {"low": 0, "high": 2}}
    parameters = changed(
        moco_parameters,
        epochs=1,
        preprocessing={"image_size": 20},
        views={**colors, "hue": 0.1, "gray_probability": 0.2},
    )
    weights = EncoderWeights.from_dict(train(images, parameters).weights.to_dict())
    assert (weights.channels, weights.image_size) == (3, (20, 10))
    z = embed(images, weights, EmbeddingParameters())
    averaged = images.reshape(48, 20, 2, 10, 2, 3).mean((2, 4)).round().astype(np.uint8)
    np.testing.assert_array_equal(z, embed(averaged, weights, EmbeddingParameters()))
    with pytest.raises(InputError, match="trained on color images, these are gray"):
        embed(images[..., 0], weights, EmbeddingParameters())
