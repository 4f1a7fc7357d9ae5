import json

import pandas as pd
import pytest
from kedro.io import DatasetError

from fashion_mocluster.datasets.run_results import RunResultsDataset


def write(folder, value):
    reporting = folder / "08_reporting"
    (reporting / "figures" / "kmeans").mkdir(parents=True)
    pd.DataFrame({"nmi": [value]}).to_csv(reporting / "clustering_comparison.csv", index=False)
    (reporting / "run_info.json").write_text(json.dumps({"seed": value}))
    (reporting / "figures" / "kmeans" / "confusion.png").write_bytes(b"png")
    (reporting / ".half.partial.csv").write_text("being written")


@pytest.fixture
def gathered(tmp_path):
    return RunResultsDataset(
        title="one", folder=str(tmp_path / "a"), compare_with={"two": str(tmp_path / "b")}
    )


def test_runs_come_by_recipe_and_seed(gathered, tmp_path):
    for name, value in (("a", 0), ("a/seed_10", 10), ("a/seed_2", 2), ("b/seed_1", 1)):
        write(tmp_path / name, value)
    (tmp_path / "a" / "seed_x").mkdir()
    (tmp_path / "a" / "seed_3" / "08_reporting").mkdir(parents=True)  # nothing in it yet
    runs = gathered.load()
    order = [(run["recipe"], run["seed"]) for run in runs]
    assert order == [("one", 0), ("one", 2), ("one", 10), ("two", 1)]
    assert [run["values"]["run_info"]["seed"] for run in runs] == [0, 2, 10, 1]
    assert runs[0]["figures"] == {"figures/kmeans/confusion": b"png"}
    assert list(runs[0]["tables"]) == ["clustering_comparison"]


def test_galleries_are_found_from_the_page_that_links_to_them(tmp_path):
    for name in ("a", "a/seed_1", "b #1"):
        write(tmp_path / name, 0)
        (tmp_path / name / "08_reporting" / "gallery.html").touch()
    write(tmp_path / "a/seed_2", 0)
    runs = RunResultsDataset(
        title="one",
        folder=str(tmp_path / "a"),
        compare_with={"two": str(tmp_path / "b #1")},
        page_folder=str(tmp_path / "a/seed_1/08_reporting"),
    ).load()
    assert [run["gallery"] for run in runs] == [
        *("../../08_reporting/gallery.html", "gallery.html", None),
        "../../../b%20%231/08_reporting/gallery.html",
    ]


def test_names_of_clusters_and_classes_are_read_as_they_are(gathered, tmp_path):
    write(tmp_path / "a", 0)
    reporting = tmp_path / "a" / "08_reporting"
    names = ["NA", "None", "007", "2024"]
    sizes = pd.DataFrame({"cluster": range(4), "name": names, "confidence": [0.5, None, 1, 1]})
    sizes.to_csv(reporting / "cluster_sizes.csv", index=False)
    (reporting / "cluster_distribution").mkdir()
    classes = pd.DataFrame({"Cluster_ID": range(4), "Label_Name": names, "Count": 3})
    classes.to_csv(reporting / "cluster_distribution" / "kmeans.csv", index=False)
    tables = gathered.load()[0]["tables"]
    pd.testing.assert_frame_equal(tables["cluster_sizes"], sizes)
    pd.testing.assert_frame_equal(tables["cluster_distribution/kmeans"], classes)


def test_no_run_at_all_names_folders_and_command(gathered, tmp_path):
    assert not gathered.exists()
    with pytest.raises(DatasetError, match=f"no results under {tmp_path}/a, .*kedro run"):
        gathered.load()


@pytest.mark.parametrize("name", ["run_info.json", "clustering_comparison.csv"])
def test_damage_names_the_file_and_the_cure(gathered, tmp_path, name):
    write(tmp_path / "a", 0)
    path = tmp_path / "a" / "08_reporting" / name
    path.write_text("" if name.endswith("csv") else "{")
    with pytest.raises(DatasetError, match=f"{name}: damaged .*remove it and run again"):
        gathered.load()
