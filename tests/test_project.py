"""The project as its users run it: from the command line, in a copy of the folder."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import PROJECT

# Rows of the thesis's table that are made where asked for.
LEFT_OUT = {"end_to_end_kmeans", "joint_kmeans", "learnable_centers_finetuned"}
METHODS = {
    "kmeans",
    "pca_kmeans",
    "pca_spectral",
    "pca_turtle",
    "moco_kmeans",
    "moco_spectral",
    "moco_kmeans_finetuned",
    "moco_spectral_finetuned",
    "moco_umap_kmeans",
    "moco_turtle",
    "self_labeled_turtle",
    "self_labeled_umap_kmeans",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what git holds, without results."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    for name in ("01_raw", "06_models/pretrained"):
        shutil.copytree(PROJECT / "data" / name, folder / "data" / name)
    return folder


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def kedro(project, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "1", **environment},
    )


@pytest.fixture(scope="module")
def smoke(project):
    result = kedro(project, "run", "--env=smoke")
    assert result.returncode == 0, result.stdout + result.stderr
    return project / "data" / "smoke", result.stdout


def test_default_run_makes_the_table(smoke):
    folder, output = smoke
    table = pd.read_csv(folder / "08_reporting" / "clustering_comparison.csv")
    assert list(table.columns) == [
        *("method", "representation", "clusterer", "n_images", "acc", "nmi", "ari"),
        *("silhouette", "dbi", "chi", "chi_normalized", "time_s", "memory_mb"),
    ]
    assert set(table["method"]) == METHODS
    assert not table.isna().any().any()
    best = json.loads((folder / "08_reporting" / "best_method.json").read_text())
    assert best["method"] in METHODS
    assert "moco: epoch 2/2" in output
    assert "best without labels" in output


def test_default_run_makes_all_other_files(smoke):
    folder, _ = smoke
    for method in METHODS:
        clusters = pd.read_csv(folder / "07_model_output" / f"clusters_{method}.csv")
        assert list(clusters.columns) == ["index", "cluster", "label"]
        assert len(clusters) == 500
        distribution = pd.read_csv(
            folder / "08_reporting" / "cluster_distribution" / f"{method}.csv"
        )
        assert list(distribution.columns) == [
            *("Cluster_ID", "Label_ID", "Label_Name", "Count", "Frequency", "Cluster_Total")
        ]
        assert distribution["Count"].sum() == 500
        figures = {p.stem for p in (folder / "08_reporting" / "figures" / method).iterdir()}
        assert figures == {"scatter_by_cluster", "scatter_by_label", "distribution", "confusion"}
        assert (folder / "08_reporting" / "examples" / f"{method}.png").stat().st_size > 5000
    for name in ("pixels", "pca", "moco", "kmeans_finetuned", "spectral_finetuned"):
        features = pd.read_parquet(folder / "04_feature" / f"{name}.parquet")
        assert len(features) == 500
        assert list(features.columns) == [f"feature_{i}" for i in range(features.shape[1])]
    for name in (
        "contact_sheet.png",
        "clustering_comparison.png",
        "moco_pretraining/loss_curve.png",
        "report.html",
    ):
        assert (folder / "08_reporting" / name).stat().st_size > 5000


def test_a_second_run_trains_nothing_and_gives_the_same_table(smoke, project):
    folder, _ = smoke
    path = folder / "08_reporting" / "clustering_comparison.csv"
    before = pd.read_csv(path).drop(columns=["time_s", "memory_mb"])
    result = kedro(project, "run", "--env=smoke")
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(r"epoch \d+/", result.stdout)
    pd.testing.assert_frame_equal(pd.read_csv(path).drop(columns=["time_s", "memory_mb"]), before)


def test_changed_parameters_are_refused_then_trained_anew_when_told(smoke, project):
    result = kedro(
        project, "run", "--env=smoke", "--pipelines=moco_pretraining", "--params=moco.seed=9"
    )
    assert result.returncode != 0
    assert "seed (checkpoint 0, now 9)" in result.stderr
    assert "Traceback" not in result.stderr


def test_poisoned_labels_change_nothing_before_the_scores(smoke, project, tmp_path):
    """The same images with labels turned upside down: the same encoders, tables and clusters."""
    folder, _ = smoke
    with gzip.open(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz", "rt") as file:
        header, *rows = [next(file) for _ in range(501)]
    poisoned = tmp_path / "poisoned.csv"
    poisoned.write_text(header + "".join(f"{9 - int(row[0])}{row[1:]}" for row in rows))
    (project / "conf" / "poisoned").mkdir()
    shutil.copytree(project / "conf/smoke", project / "conf/poisoned", dirs_exist_ok=True)
    (project / "conf/poisoned/globals.yml").write_text("folder: data/poisoned\n")
    pipelines = "moco_pretraining,cluster_finetuning,evaluation"
    outputs = [
        "evaluation.moco_kmeans.clusters",
        "evaluation.moco_spectral_finetuned.clusters",
        "evaluation.self_labeled_turtle.clusters",
        "kmeans_finetuned_weights",
        "moco_pretraining.history",
        "cluster_finetuning.spectral.history",
    ]
    result = kedro(
        project,
        *("run", "--env=poisoned", f"--pipelines={pipelines}", f"--params=data.path={poisoned}"),
        f"--to-outputs={','.join(outputs)}",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    other = project / "data" / "poisoned"
    same = [
        "06_models/moco_pretraining/encoder.pt",
        "06_models/cluster_finetuning/kmeans/encoder.pt",
        "06_models/cluster_finetuning/spectral/encoder.pt",
        "06_models/cluster_finetuning/self_labeling/encoder.pt",
        "04_feature/moco.parquet",
        "08_reporting/moco_pretraining/history.csv",
        "08_reporting/cluster_finetuning/spectral_history.csv",
    ]
    for name in same:
        assert (other / name).read_bytes() == (folder / name).read_bytes(), name
    for method in ("moco_kmeans", "moco_spectral_finetuned", "self_labeled_turtle"):
        a, b = (
            pd.read_csv(f / "07_model_output" / f"clusters_{method}.csv") for f in (folder, other)
        )
        assert (a["cluster"] == b["cluster"]).all()
        assert (a["label"] == 9 - b["label"]).all()


@pytest.mark.parametrize("option", ["--pipeline", "--pipelines"])
def test_ablation_of_a_subset_by_either_spelling(project, option):
    result = kedro(project, "run", "--env=smoke", f"{option}=ablation", "--params=ablation.run=ag")
    assert result.returncode == 0, result.stdout + result.stderr
    table = pd.read_csv(project / "data" / "smoke" / "08_reporting" / "ablation.csv")
    assert list(table.columns) == [
        *("case", "convnet", "residual", "mlp", "advanced_augmentation", "cosine", "size"),
        *("epochs", "nmi", "ari", "acc", "silhouette"),
    ]
    assert list(table["case"]) == ["a", "g"]
    assert list(table["epochs"]) == [2, 3]


@pytest.mark.parametrize("env", ["local", "best_10k"])
def test_the_dag_is_drawn(project, env):
    # Like `kedro viz run` it makes every dataset of the catalog, those of no pipeline too.
    result = kedro(project, "viz", "build", KEDRO_ENV=env)
    assert "Success" in result.stdout, result.stdout + result.stderr
    drawn = json.loads((project / "build" / "api" / "main").read_text())
    names = {node["name"] for node in drawn["nodes"]}
    assert {"labels", "validate_images", "train_encoder", "compare_methods", "report"} <= names
    assert {"evaluation", "ablation", "predict"} <= {p["id"] for p in drawn["pipelines"]}
    assert drawn["layers"] == [
        *("raw", "intermediate", "primary", "models", "feature", "model_output", "reporting")
    ]


def test_evaluation_on_a_fresh_clone_uses_the_shipped_weights(project):
    methods = [m for m in METHODS if m.startswith(("moco", "self_labeled"))]
    shipped = project / "data" / "06_models" / "pretrained"
    before = content(shipped)
    result = kedro(project, "run", "--pipelines=evaluation", "--params=data.limit=400")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("shipped with the project") == 4
    table = pd.read_csv(project / "data" / "08_reporting" / "clustering_comparison.csv")
    table = table.set_index("method")
    assert table.loc[methods, "nmi"].min() > table.loc["kmeans", "nmi"]
    assert content(shipped) == before


def test_record_on_a_fresh_clone_uses_the_weights_of_the_run_recorded_beside_them(project):
    shipped = project / "data" / "06_models" / "pretrained" / "best_10k" / "seed_10"
    arguments = ("--env=best_10k", "--pipelines=evaluation", "--params=data.limit=500")
    result = kedro(project, "run", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    # Each of two encoders, pooled and with its maps whitened.
    assert result.stdout.count("shipped with the project") == 4
    made = pd.read_csv(project / "data/best_10k/seed_10/08_reporting/clustering_comparison.csv")
    recorded = pd.read_csv(shipped / "clustering_comparison.csv")
    # Rows that the project gained after that run are made too.
    assert [m for m in made["method"] if m in set(recorded["method"])] == list(recorded["method"])
    nmi = made.set_index("method")["nmi"]
    assert nmi["self_labeled_turtle"] > nmi["kmeans"]
    assert nmi["self_labeled_whitened_turtle"] > nmi["kmeans"]
    # The first of the known images, given again as new ones, find their way back.
    new = (
        "predict.path=data/01_raw/fashion-mnist_test.csv.gz,predict.limit=100,predict.n_neighbors=1"
    )
    arguments = ("--env=best_10k", "--pipelines=predict", f"--params=data.limit=500,{new}")
    result = kedro(project, "run", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    output = project / "data/best_10k/seed_10/07_model_output"
    predicted = pd.read_csv(output / "predicted_clusters.csv")["cluster"]
    known = pd.read_csv(output / "clusters_self_labeled_whitened_turtle.csv")["cluster"]
    assert (predicted == known[:100]).all()


def test_new_images_are_sorted_into_the_clusters(smoke, project, tmp_path):
    """Images that were clustered, given again as new ones, find their way back."""
    folder, _ = smoke
    with gzip.open(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz", "rt") as file:
        rows = [next(file) for _ in range(101)]
    new = tmp_path / "new.csv"
    new.write_text("".join(rows))
    run = ("run", "--env=smoke", "--pipelines=predict")
    result = kedro(
        project,
        *run,
        f"--params=predict.path={new},predict.method=moco_kmeans,predict.n_neighbors=1",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(r"epoch \d+/", result.stdout)
    predicted = pd.read_csv(folder / "07_model_output" / "predicted_clusters.csv")
    known = pd.read_csv(folder / "07_model_output" / "clusters_moco_kmeans.csv")
    assert list(predicted.columns) == ["index", "cluster", "share"]
    assert (predicted["cluster"] == known["cluster"][:100]).all()
    scores = json.loads((folder / "08_reporting" / "prediction_scores.json").read_text())
    assert scores["n_images"] == 100
    assert 0 < scores["acc"] <= 1
    result = kedro(project, *run)
    assert result.returncode != 0
    assert "predict.path=" in result.stderr
    assert "Traceback" not in result.stderr


def test_images_without_labels_of_another_size(project, tmp_path):
    """12 x 10 pixels, no label column, 5 clusters: all that needs no label is made, and new pictures
    are brought to that size.
    """
    rows = pd.read_csv(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz", nrows=150)
    pixels = rows.drop(columns="label").to_numpy().reshape(-1, 28, 28)[:, 2:26:2, 4:24:2]
    columns = [f"pixel{i + 1}" for i in range(120)]
    path = tmp_path / "unlabeled.csv.gz"
    pd.DataFrame(pixels.reshape(150, -1), columns=columns).to_csv(path, index=False)
    assert gzip.decompress(path.read_bytes())[:6] == b"pixel1"
    environment = project / "conf" / "own"
    environment.mkdir()
    shutil.copytree(project / "conf" / "smoke", environment, dirs_exist_ok=True)
    (environment / "globals.yml").write_text("folder: data/own\npretrained_dir: null\n")
    (environment / "parameters_own.yml").write_text(
        f"n_clusters: 5\ndata:\n  path: {path}\n  image_shape: [12, 10]\n  class_names: null\n"
    )
    result = kedro(project, "run", "--env=own")
    assert result.returncode == 0, result.stdout + result.stderr
    reporting = project / "data" / "own" / "08_reporting"
    table = pd.read_csv(reporting / "clustering_comparison.csv")
    assert table[["acc", "nmi", "ari"]].isna().all().all()
    assert table[["silhouette", "dbi", "chi"]].notna().all().all()
    assert {p.stem for p in (reporting / "figures" / "kmeans").iterdir()} == {
        "scatter_by_cluster",
        "cluster_sizes",
    }
    clusters = pd.read_csv(project / "data" / "own" / "07_model_output" / "clusters_kmeans.csv")
    assert list(clusters.columns) == ["index", "cluster"]
    assert clusters["cluster"].nunique() == 5
    new = tmp_path / "new"
    new.mkdir()
    for i in range(3):
        Image.fromarray(pixels[i].astype(np.uint8)).resize((40, 48)).save(new / f"{i}.png")
    result = kedro(
        project, "run", "--env=own", "--pipelines=predict", f"--params=predict.path={new}"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    predicted = pd.read_csv(project / "data/own/07_model_output/predicted_clusters.csv")
    assert list(predicted["index"]) == [0, 1, 2]


def test_thesis_protocol_end_to_end_with_few_epochs(project):
    """All ten methods, with every training they need."""
    few = ["data.limit=300", "moco.epochs=1", "moco.batch_size=100"]
    few += [f"finetuning.{name}.epochs=1" for name in ("kmeans", "spectral", "learnable")]
    result = kedro(project, "run", "--env=thesis", f"--params={','.join(few)}")
    assert result.returncode == 0, result.stdout + result.stderr
    reporting = project / "data" / "thesis" / "08_reporting"
    table = pd.read_csv(reporting / "clustering_comparison.csv")
    later = {"pca_turtle", "moco_umap_kmeans", "moco_turtle"}
    later |= {"self_labeled_turtle", "self_labeled_umap_kmeans"}
    assert set(table["method"]) == (METHODS | LEFT_OUT) - later
    trainings = {"moco", "end_to_end", "joint", "kmeans_finetuned", "spectral_finetuned"}
    trainings.add("learnable_finetuned")
    assert {p.stem for p in (reporting / "training_cost").iterdir()} == trainings
    for name in trainings:
        cost = pd.read_csv(reporting / "training_cost" / f"{name}.csv")
        assert list(cost.columns) == ["epoch", "seconds", "memory_mb"]
        assert (cost["seconds"] > 0).all()
        assert (cost["epoch"] == [1]).all()
    cost = json.loads((reporting / "embedding_cost" / "joint.json").read_text())
    assert cost["time_s"] > 0
    run = json.loads((reporting / "run_info.json").read_text())
    assert run["parameters"]["moco"]["epochs"] == 1
    assert run["versions"]["torch"].startswith("2.")


def test_study_of_the_findings_with_few_epochs(project):
    few = ["data.limit=300", "moco.batch_size=100", "bugfix_ablation.protocol.moco.epochs=1"]
    few += [
        "bugfix_ablation.protocol.finetuning.epochs=1",
        "bugfix_ablation.protocol.finetuning.n_init=1",
    ]
    result = kedro(
        *(
            project,
            "run",
            "--env=thesis",
            "--pipelines=bugfix_ablation",
            f"--params={','.join(few)}",
        )
    )
    assert result.returncode == 0, result.stdout + result.stderr
    table = pd.read_csv(project / "data" / "thesis" / "08_reporting" / "bugfix_ablation.csv")
    columns = ["case", "issue", "change", "row", "epochs", "nmi", "ari", "acc"]
    assert set(table.columns) == set(columns)
    assert len(table) == 28
    table = table.set_index(["case", "row"])
    # What is not trained anew has the same embedding.
    assert table.loc[("selection", "moco"), "nmi"] == table.loc[("thesis", "moco"), "nmi"]


def test_another_seed_writes_to_a_folder_of_its_own(smoke, project):
    folder, _ = smoke
    before = (folder / "06_models/moco_pretraining/encoder.pt").read_bytes()
    result = kedro(
        *(project, "run", "--env=smoke", "--pipelines=moco_pretraining", "--params=seed=1")
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (folder / "06_models/moco_pretraining/encoder.pt").read_bytes() == before
    assert (folder / "seed_1/06_models/moco_pretraining/encoder.pt").read_bytes() != before


@pytest.mark.parametrize(
    ("override", "named"),
    [("moco.epoch=3", "moco.epoch"), ("moco.epochs=three", "moco.epochs"), ("mocco.x=1", "mocco")],
)
def test_misspelled_or_mistyped_parameters_stop_before_any_work(project, override, named):
    result = kedro(project, "run", f"--params={override}")
    assert result.returncode != 0
    assert f"{named}: " in result.stderr
    assert "Traceback" not in result.stderr
    assert "Completed" not in result.stdout


def test_bad_data_is_one_clear_error(project, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("label,pixel1,pixel2,pixel3,pixel4\n1,2,3,4,999\n")
    result = kedro(project, "run", f"--params=data.path={path}")
    assert result.returncode != 0
    assert f"{path}, line 2, column 'pixel4': 999 is outside 0 to 255" in result.stderr
    assert "Traceback" not in result.stderr


def test_listing_pipelines_imports_neither_torch_nor_scikit_learn(project):
    code = (
        "import sys; from kedro.framework.cli.cli import main\n"
        "sys.argv = ['kedro', 'registry', 'list']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'sklearn', 'umap'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True
    )
    assert "evaluation" in result.stdout
    assert result.stdout.strip().endswith("[]"), result.stdout + result.stderr
