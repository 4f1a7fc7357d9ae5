import pytest
from pydantic import TypeAdapter, ValidationError

from fashion_mocluster.clustering.parameters import ClustererParameters, MethodParameters

PARAMETERS = TypeAdapter(ClustererParameters)
KEYS = {
    "kmeans": {"n_init": 5},
    "spectral": {"n_init": 5, "n_neighbors": 7},
    "gaussian_mixture": {"n_init": 5},
    "hdbscan": {"min_cluster_size": 8, "min_samples": 3, "max_cluster_share": 0.5},
    "turtle": {"n_init": 5, "n_neighbors": 7, "n_hops": 1, "init": "pixel_clusters"},
}
VALUES = {key: value for keys in KEYS.values() for key, value in keys.items()}


@pytest.mark.parametrize("kind", KEYS)
def test_each_kind_takes_its_own_parameters_alone(kind):
    shared = {"standardize": True, "umap": {"n_neighbors": 5}}
    parameters = PARAMETERS.validate_python({"kind": kind, **shared, **KEYS[kind]})
    assert parameters.kind == kind
    assert parameters.umap.n_neighbors == 5
    others = {key for keys in KEYS.values() for key in keys} - set(KEYS[kind])
    for key in others:
        with pytest.raises(ValidationError) as caught:
            PARAMETERS.validate_python({"kind": kind, key: VALUES[key]})
        (problem,) = caught.value.errors()
        assert (problem["type"], problem["loc"]) == ("extra_forbidden", (kind, key))


def test_where_a_useless_parameter_of_a_method_is_said_to_be():
    with pytest.raises(ValidationError) as caught:
        MethodParameters(
            title="T", representation="pixels", clusterer={"kind": "kmeans", "n_neighbors": 50}
        )
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("clusterer", "kmeans", "n_neighbors")
