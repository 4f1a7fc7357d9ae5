import json

import pytest
from kedro.pipeline import Node, Pipeline

from fashion_mocluster.provenance import Record, StaleFileError, of_datasets, signature
from tests.project_copy import copy_project, session


def train(images, recipe):
    return images


def test_every_dataset_lists_the_parameters_that_reach_it(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    pipeline = Pipeline(
        [
            Node(train, ["raw_images", "params:n"], "images", name="check"),
            Node(train, ["images", "params:moco"], "weights", name="train"),
            Node(train, ["weights", "params:other"], "table", name="score"),
        ]
    )
    parameters = {
        "n": 3,
        "moco": {"epochs": 2, "compute": {"device": "cpu"}, "checkpoints": {"keep": 1}},
        "other": {"title": "T", "kind": "kmeans"},
        "data": {"path": "a.csv", "limit": 5, "class_names": ["x"]},
        "predict": {"path": None},
    }
    found = of_datasets([pipeline], parameters, tmp_path)
    images = {"images of data": signature(tmp_path, "a.csv"), "data.limit": 5, "n": 3}
    assert found["images"] == images
    assert found["weights"] == {**images, "moco.epochs": 2}
    assert found["table"] == {**images, "moco.epochs": 2, "other.kind": "kmeans"}


def test_embeddings_made_elsewhere_are_told_apart_by_their_content(tmp_path):
    pipeline = Pipeline(
        [Node(train, ["external_embeddings_file", "params:n"], "table", name="read")]
    )
    parameters = {"n": 3, "evaluation": {"external_embeddings": "e.csv"}}
    found = []
    for content in ("1", "2"):
        (tmp_path / "e.csv").write_text(content)
        found.append(of_datasets([pipeline], parameters, tmp_path)["table"])
    assert [list(table) for table in found] == [
        ["content of evaluation.external_embeddings", "n"]
    ] * 2
    assert found[0] != found[1]


def test_weights_of_a_network_are_told_apart_by_their_content_if_they_are_a_file(tmp_path):
    pipeline = Pipeline([Node(train, ["raw_images", "params:backbone"], "table", name="embed")])

    def found(weights):
        parameters = {"data": {}, "backbone": {"weights": weights}}
        return of_datasets([pipeline], parameters, tmp_path)["table"]

    assert "content of backbone.weights" not in found("package")
    tables = []
    for content in ("1", "2"):
        (tmp_path / "w.pth").write_text(content)
        tables.append(found("w.pth"))
    assert tables[0] != tables[1]


def test_images_of_an_unknown_kind_are_no_other_images(tmp_path):
    """As a record from before a download and one from after it."""
    record = Record(tmp_path / "provenance.json")
    now = {"images of data": None, "n": 3}
    record.add("a", {**now, "images of data": "1234"})
    record.add("b", now)
    assert record.take_over(["a", "b"], {"a": now, "b": now}, ()) == {}


def test_images_are_told_apart_by_their_content_not_their_place(tmp_path):
    for name, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(content)
    a, b, c = (signature(tmp_path, name) for name in "abc")
    assert a == b != c
    assert signature(tmp_path, "missing") is None
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x.png").write_text("1")
    before = signature(tmp_path, "folder")
    (tmp_path / "folder/y.png").write_text("1")
    assert signature(tmp_path, "folder") != before


def test_images_that_torchvision_downloads_are_the_same_before_and_after(tmp_path):
    pipeline = Pipeline([Node(train, ["raw_images", "params:n"], "images", name="check")])
    parameters = {"n": 3, "data": {"path": "raw", "format": "torchvision"}}
    Record(tmp_path / "provenance.json").add(
        "images", of_datasets([pipeline], parameters, tmp_path)["images"]
    )
    (tmp_path / "raw/FashionMNIST/raw").mkdir(parents=True)
    (tmp_path / "raw/FashionMNIST/raw/t10k-images-idx3-ubyte").write_text("1")
    record = Record(tmp_path / "provenance.json")
    record.check(["images"], of_datasets([pipeline], parameters, tmp_path))
    parameters["data"]["format"] = "idx"
    with pytest.raises(StaleFileError, match=r"data.format \(then torchvision, now idx\)"):
        record.check(["images"], of_datasets([pipeline], parameters, tmp_path))


def test_files_made_from_something_else_are_refused(tmp_path):
    record = Record(tmp_path / "provenance.json")
    record.add("weights", {"moco.epochs": 2, "images of data": "abc"})
    again = Record(tmp_path / "provenance.json")
    again.check(["weights", "unknown"], {"weights": {"moco.epochs": 2, "images of data": "abc"}})
    with pytest.raises(StaleFileError, match=r"weights: .*moco.epochs \(then 2, now 3\)"):
        again.check(["weights"], {"weights": {"moco.epochs": 3, "images of data": "abc"}})
    with pytest.raises(StaleFileError, match=r"images of data \(then abc, now def\)"):
        again.check(["weights"], {"weights": {"moco.epochs": 2, "images of data": "def"}})
    # A run that names no images means those that are stored.
    again.check(["weights"], {"weights": {"moco.epochs": 2, "images of data": None}})
    # So that a run can take over parameters that its user did not write.
    expected = {"weights": {"moco.epochs": 3, "images of data": "def", "data.invert": True}}
    record.add("weights", {"moco.epochs": 2, "images of data": "abc", "data.invert": False})
    with pytest.raises(StaleFileError, match=r"from something else: data.invert .*; images of"):
        record.take_over(["weights"], expected, ())
    expected["weights"] |= {"images of data": None, "data.invert": False, "n_clusters": 4}
    assert record.take_over(["weights", "x"], expected, ()) == {"moco.epochs": 2}
    with pytest.raises(StaleFileError, match=r"moco.epochs \(then 2, now 3\)\. Restore"):
        record.take_over(["weights"], expected, {"moco.epochs"})
    with pytest.raises(StaleFileError, match=r"n_clusters \(then None, now 4\)"):
        record.take_over(["weights"], expected, {"n_clusters"})
    # What is taken over is of one run.
    record.add("table", {"moco.epochs": 5})
    expected["table"] = expected["weights"]
    with pytest.raises(StaleFileError, match=r"weights and table: .*moco.epochs: 2 and 5\), as"):
        record.take_over(["weights", "table"], expected, ())
    again.remove("weights")
    Record(tmp_path / "provenance.json").check(["weights"], {"weights": {"moco.epochs": 3}})


def test_the_file_holds_all_that_was_added_and_not_removed(tmp_path):
    path = tmp_path / "provenance.json"
    made = {"images": {"b": 1, "a": None}, 'a "b"': {"c": [1.5]}, "table": {}}
    for dataset, made_from in made.items():
        Record(path).add(dataset, made_from)
    assert json.loads(path.read_text()) == made
    record = Record(path)
    record.add("images", {"b": 2})
    record.remove("table")
    assert json.loads(path.read_text()) == {"images": {"b": 2}, 'a "b"': {"c": [1.5]}}


@pytest.mark.parametrize("text", ['{"weights": {', "null", "3", '["ab"]', '{"weights": 1}'])
def test_a_damaged_record_is_named(text, tmp_path):
    path = tmp_path / "provenance.json"
    path.write_text(text)
    with pytest.raises(StaleFileError, match=r"provenance.json: damaged .* delete it"):
        Record(path)


def test_images_depend_on_no_number_that_they_are_only_checked_against(tmp_path):
    pipeline = Pipeline(
        [
            Node(train, ["raw_images", "params:n_clusters"], "images", name="check"),
            Node(train, ["images", "params:n_clusters"], "clusters", name="cluster"),
        ]
    )
    parameters = {"n_clusters": 3, "data": {"path": None}, "predict": {"path": None}}
    found = of_datasets([pipeline], parameters, tmp_path)
    assert "n_clusters" not in found["images"]
    assert found["clusters"]["n_clusters"] == 3


@pytest.mark.slow
def test_a_run_takes_over_no_files_of_other_images(tmp_path):
    """With --only-missing-outputs, as a run hands it to Kedro."""
    project = copy_project(tmp_path)

    def process(limit):
        with session(project, "smoke", {"data.limit": limit}) as kedro_session:
            names = ["data_processing"]
            kedro_session.run(pipeline_names=names, only_missing_outputs=True)

    process(50)
    process(50)
    with pytest.raises(StaleFileError, match=r"data.limit \(then 50, now 60\)"):
        process(60)
