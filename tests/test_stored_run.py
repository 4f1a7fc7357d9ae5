import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from fashion_mocluster.learning.parameters import EmbeddingParameters, MocoParameters
from fashion_mocluster.session import Session, begin
from fashion_mocluster.stored_run import MissingFileError, give_parameters, refuse_missing


def test_what_an_earlier_run_should_have_made_is_named_with_the_command_that_makes_it(tmp_path):
    begin(Session({"seed": 0}, tmp_path, "data"))
    make = Pipeline([Node(len, "raw_images", "clusters", name="make")])
    registered = {"data_processing": Pipeline([]), "evaluation": make}
    use = Pipeline([Node(min, ["clusters", "new_images"], "predicted", name="use")])
    catalog = DataCatalog({"clusters": JSONDataset(filepath=str(tmp_path / "clusters.json"))})
    with pytest.raises(
        MissingFileError,
        match=r"clusters: no run .* kedro run --env=photos --pipelines=evaluation$",
    ):
        refuse_missing(use, catalog, registered, "photos")
    with pytest.raises(MissingFileError, match=r"kedro run --pipelines=evaluation$"):
        refuse_missing(use, catalog, registered, None)
    catalog["cluster_names_file"] = JSONDataset(filepath=str(tmp_path / "names.csv"))
    name = Pipeline([Node(len, "cluster_names_file", "named", name="name")])
    begin(Session({"seed": 0, "data": {"cluster_names": "names.csv"}}, tmp_path, "data"))
    with pytest.raises(MissingFileError, match=r"data.cluster_names: names.csv: no such file"):
        refuse_missing(name, catalog, registered, None)
    catalog.save("clusters", [1])
    refuse_missing(use, catalog, registered, None)
    refuse_missing(make, catalog, registered, None)


def test_nodes_get_the_values_of_the_stored_run_and_keep_their_own_besides(moco_parameters, caplog):
    embedding = EmbeddingParameters(batch_size=7)
    catalog = DataCatalog()
    catalog["params:moco"], catalog["params:embedding"] = moco_parameters, embedding
    pipeline = Pipeline([Node(min, ["params:moco", "params:embedding"], "weights", name="train")])
    taken = {"moco.epochs": 9, "moco.views.noise_std": 2, "moco_other.epochs": 1, "n_clusters": 3}
    with caplog.at_level("INFO", "fashion_mocluster"):
        give_parameters(taken, pipeline, catalog)
    given = catalog.load("params:moco")
    views = moco_parameters.views.model_copy(update={"noise_std": 2})
    assert given == moco_parameters.model_copy(update={"epochs": 9, "views": views})
    assert isinstance(given, MocoParameters)
    assert catalog.load("params:embedding") == embedding
    assert "moco.epochs 9, moco.views.noise_std 2, moco_other.epochs 1, n_clusters 3" in caplog.text
