"""The project as its users run it, in a copy of the folder.

Runs are sessions in this process; the command line is started where it is what is tested.
"""

import gzip
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.project_copy import PROJECT, kedro, run

# All tests of this file read what one smoke run made, so one worker runs them all.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("project")]

IMAGES = PROJECT / "data/01_raw/fashion-mnist_test.csv.gz"
# Methods that the environment `smoke` runs.
METHODS = {
    "kmeans",
    "pca_spectral",
    "moco_kmeans",
    "moco_kmeans_finetuned",
    "moco_spectral_finetuned",
    "moco_umap_kmeans",
    "moco_umap_hdbscan",
    "self_labeled_turtle",
    "moco_hog_turtle",
}
# Few images and a small encoder in the environment `thesis`.
FEW = {"data.limit": 200, "moco.batch_size": 100, "moco.encoder.widths": [4, 8, 16]}


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def first_images(path, count, label=int):
    """The first images that ship as a CSV file, with labels changed by ``label``."""
    with gzip.open(IMAGES, "rt") as file:
        header, *lines = [next(file) for _ in range(count + 1)]
    path.write_text(header + "".join(f"{label(int(line[0]))}{line[1:]}" for line in lines))
    return path


def environment(project, name, parameters):
    """An environment like smoke with a folder of its own and a few parameters more."""
    folder = project / "conf" / name
    shutil.copytree(project / "conf" / "smoke", folder)
    (folder / "globals.yml").write_text(f"folder: data/{name}\npretrained_dir: null\n")
    (folder / "parameters_more.yml").write_text(parameters)


def test_default_run_makes_the_table(smoke):
    table = pd.read_csv(smoke.folder / "08_reporting" / "clustering_comparison.csv")
    assert list(table.columns) == [
        *("method", "representation", "clusterer", "n_images", "acc", "nmi", "ari"),
        *("silhouette", "dbi", "chi", "chi_normalized", "time_s", "memory_mb"),
    ]
    assert set(table["method"]) == METHODS
    assert not table.isna().any().any()
    best = json.loads((smoke.folder / "08_reporting" / "best_method.json").read_text())
    assert best["method"] in METHODS
    assert "moco: epoch 2/2" in smoke.log
    assert "best without labels" in smoke.log
    assert "assume clusters of equal size: MoCo, self-labeled + TURTLE" in smoke.log


def test_default_run_makes_all_other_files(smoke):
    folder = smoke.folder
    for method in METHODS:
        clusters = pd.read_csv(folder / "07_model_output" / f"clusters_{method}.csv")
        assert list(clusters.columns) == ["index", "cluster", "confidence", "label"]
        assert clusters["confidence"].between(0, 1).all()
        assert len(clusters) == 200
        distribution = pd.read_csv(
            folder / "08_reporting" / "cluster_distribution" / f"{method}.csv"
        )
        assert list(distribution.columns) == [
            *("Cluster_ID", "Label_ID", "Label_Name", "Count", "Frequency", "Cluster_Total")
        ]
        assert distribution["Count"].sum() == 200
        figures = {p.stem for p in (folder / "08_reporting" / "figures" / method).iterdir()}
        assert figures == {"scatter_by_cluster", "scatter_by_label", "distribution", "confusion"}
        assert (folder / "08_reporting" / "examples" / f"{method}.png").is_file()
    for name in ("pixels", "pca", "moco", "kmeans_finetuned", "spectral_finetuned"):
        features = pd.read_parquet(folder / "04_feature" / f"{name}.parquet")
        assert len(features) == 200
        assert list(features.columns) == [f"feature_{i}" for i in range(features.shape[1])]
    best = json.loads((folder / "08_reporting" / "best_method.json").read_text())["method"]
    chosen = pd.read_csv(folder / "07_model_output" / "clusters.csv")
    clusters = pd.read_csv(folder / "07_model_output" / f"clusters_{best}.csv")
    pd.testing.assert_frame_equal(chosen, clusters.drop(columns="label"))
    for name in (
        "duplicates.csv",
        "outliers.csv",
        "contact_sheet.png",
        "clustering_comparison.png",
        "moco_pretraining/loss_curve.png",
        "report.html",
        "gallery.html",
    ):
        assert (folder / "08_reporting" / name).is_file()


def test_a_second_run_trains_nothing_and_gives_the_same_table(smoke, project):
    path = smoke.folder / "08_reporting" / "clustering_comparison.csv"
    before = pd.read_csv(path).drop(columns=["time_s", "memory_mb"])
    log = run(project, env="smoke", to_outputs=["clustering_comparison"]).log
    assert not re.search(r"epoch \d+/", log)
    pd.testing.assert_frame_equal(pd.read_csv(path).drop(columns=["time_s", "memory_mb"]), before)


@pytest.mark.usefixtures("smoke")
def test_a_checkpoint_of_other_parameters_is_refused(project):
    with pytest.raises(Exception, match=r"seed \(checkpoint 0, now 9\)"):
        run(project, env="smoke", pipelines=["moco_pretraining"], params={"moco.seed": 9})


def test_changed_labels_change_nothing_before_the_scores(smoke, project, tmp_path):
    """The same images with other labels: the same encoders, embeddings and clusters."""
    path = first_images(tmp_path / "relabeled.csv", 200, label=lambda label: 9 - label)
    environment(project, "relabeled", "")
    run(
        project,
        env="relabeled",
        pipelines=["moco_pretraining", "cluster_finetuning", "evaluation"],
        params={"data.path": str(path)},
        to_outputs=[
            "moco_kmeans_clusters",
            "moco_spectral_finetuned_clusters",
            "self_labeled_turtle_clusters",
            "kmeans_finetuned_weights",
            "moco_pretraining.history",
            "cluster_finetuning.spectral.history",
        ],
    )
    other = project / "data" / "relabeled"
    for name in (
        "06_models/moco_pretraining/encoder.pt",
        "06_models/cluster_finetuning/kmeans/encoder.pt",
        "06_models/cluster_finetuning/spectral/encoder.pt",
        "06_models/cluster_finetuning/self_labeling/encoder.pt",
        "04_feature/moco.parquet",
        "08_reporting/moco_pretraining/history.csv",
        "08_reporting/cluster_finetuning/spectral_history.csv",
    ):
        assert (other / name).read_bytes() == (smoke.folder / name).read_bytes(), name
    for method in ("moco_kmeans", "moco_spectral_finetuned", "self_labeled_turtle"):
        a, b = (
            pd.read_csv(folder / "07_model_output" / f"clusters_{method}.csv")
            for folder in (smoke.folder, other)
        )
        assert (a["cluster"] == b["cluster"]).all()
        assert (a["label"] == 9 - b["label"]).all()


def test_ablation_of_a_subset_of_cases(project):
    run(project, env="smoke", pipelines=["ablation"], params={"ablation.run": "ag"})
    table = pd.read_csv(project / "data" / "smoke" / "08_reporting" / "ablation.csv")
    assert list(table.columns) == [
        *("case", "convnet", "residual", "mlp", "advanced_augmentation", "cosine", "size"),
        *("epochs", "nmi", "ari", "acc", "silhouette"),
    ]
    assert list(table["case"]) == ["a", "g"]
    assert list(table["epochs"]) == [2, 3]


def test_the_pipelines_are_drawn(project):
    # Like `kedro viz run` it makes every dataset of the catalog, those of no pipeline too.
    result = kedro(project, "viz", "build", KEDRO_ENV="best_10k")
    assert "Success" in result.stdout, result.stdout + result.stderr
    drawn = json.loads((project / "build" / "api" / "main").read_text())
    names = {node["name"] for node in drawn["nodes"]}
    assert {"labels", "validate_images", "train_encoder", "compare_methods", "report"} <= names
    assert {"evaluation", "ablation", "predict"} <= {p["id"] for p in drawn["pipelines"]}
    assert drawn["layers"] == [
        *("raw", "intermediate", "primary", "models", "feature", "model_output", "reporting")
    ]


def test_evaluation_on_a_fresh_clone_uses_the_weights_that_ship(project):
    methods = ["moco_kmeans", "moco_kmeans_finetuned", "moco_spectral_finetuned"]
    methods.append("moco_hog_turtle")
    shipped = project / "data" / "06_models" / "pretrained"
    before = content(shipped)
    log = run(
        project,
        pipelines=["evaluation"],
        params={"data.limit": 400, "evaluation.run_methods": ["kmeans", *methods]},
        to_outputs=["clustering_comparison"],
    ).log
    assert log.count("shipped with the project") == 4
    table = pd.read_csv(project / "data" / "08_reporting" / "clustering_comparison.csv")
    table = table.set_index("method")
    assert table.loc[methods, "nmi"].min() > table.loc["kmeans", "nmi"]
    assert content(shipped) == before


def test_best_10k_on_a_fresh_clone_uses_the_weights_beside_its_recorded_scores(project):
    start, method = "hog_turtle", "moco_hog_turtle"
    few = {"data.limit": 400, "evaluation.run_methods": ["kmeans", start, method]}
    for name in (start, method):
        few[f"evaluation.methods.{name}.clusterer.n_init"] = 1
    log = run(
        project,
        env="best_10k",
        pipelines=["evaluation"],
        params=few,
        to_outputs=["clustering_comparison", "pixel_statistics"],
    ).log
    assert "shipped with the project" in log
    folder = project / "data/best_10k/seed_10"
    nmi = pd.read_csv(folder / "08_reporting/clustering_comparison.csv").set_index("method")["nmi"]
    assert nmi[method] > nmi["kmeans"]
    # The first of the known images, given again as new ones, get their clusters again.
    few |= {"predict.path": "data/01_raw/fashion-mnist_test.csv.gz"}
    few |= {"predict.limit": 100, "predict.n_neighbors": 1, "predict.method": method}
    run(project, env="best_10k", pipelines=["predict"], params=few)
    predicted = pd.read_csv(folder / "07_model_output/predicted_clusters.csv")["cluster"]
    known = pd.read_csv(folder / f"07_model_output/clusters_{method}.csv")["cluster"]
    assert (predicted == known[:100]).all()


def test_class_names_are_shown_as_they_are(project, tmp_path):
    """Also where a reader of CSV would take them for numbers or for missing ones."""
    names = ["007", "NA", "nan", "1.0", "7", "true", "1e3", "None", "8", "9"]
    path = first_images(tmp_path / "named.csv", 150)
    environment(project, "named", "")
    selection = {"representation": "pixels", "n_neighbors": 5}
    evaluation = {"run_methods": ["kmeans"], "model_selection": selection}
    params = {"data": {"path": str(path), "class_names": names}, "evaluation": evaluation}
    run(project, env="named", pipelines=["evaluation"], params=params)
    reporting = project / "data" / "named" / "08_reporting"
    assert (reporting / "figures" / "kmeans" / "confusion.png").stat().st_size > 0
    page = (reporting / "report.html").read_text()
    assert all(f">{name}</th>" in page for name in names)


def test_images_without_labels_of_another_size(project, tmp_path):
    """12 x 10 pixels, no label column, 5 clusters: everything that needs no labels is made, and new
    pictures are resized to that size.
    """
    rows = pd.read_csv(IMAGES, nrows=150)
    pixels = rows.drop(columns="label").to_numpy().reshape(-1, 28, 28)[:, 2:26:2, 4:24:2]
    columns = [f"pixel{i + 1}" for i in range(120)]
    path = tmp_path / "unlabeled.csv.gz"
    pd.DataFrame(pixels.reshape(150, -1), columns=columns).to_csv(path, index=False)
    assert gzip.decompress(path.read_bytes())[:6] == b"pixel1"
    data = f"data:\n  path: {path}\n  image_shape: [12, 10]\n  class_names: null\n"
    environment(project, "own", f"n_clusters: 5\n{data}")
    methods = ["kmeans", "moco_hog_turtle"]
    run(project, env="own", params={"evaluation.run_methods": methods})
    reporting = project / "data" / "own" / "08_reporting"
    table = pd.read_csv(reporting / "clustering_comparison.csv")
    assert table[["acc", "nmi", "ari"]].isna().all().all()
    assert table[["silhouette", "dbi", "chi"]].notna().all().all()
    assert {p.stem for p in (reporting / "figures" / "kmeans").iterdir()} == {
        "scatter_by_cluster",
        "cluster_sizes",
    }
    clusters = pd.read_csv(project / "data" / "own" / "07_model_output" / "clusters_kmeans.csv")
    assert list(clusters.columns) == ["index", "cluster", "confidence"]
    assert clusters["cluster"].nunique() == 5
    new = tmp_path / "new"
    new.mkdir()
    for i in range(3):
        Image.fromarray(pixels[i].astype(np.uint8)).resize((40, 48)).save(new / f"{i}.png")
    params = {"predict.path": str(new), "evaluation.run_methods": methods}
    run(project, env="own", pipelines=["predict"], params=params)
    predicted = pd.read_csv(project / "data/own/07_model_output/predicted_clusters.csv")
    assert list(predicted["path"]) == ["0.png", "1.png", "2.png"]


FOLDER = """
n_clusters: auto
data: {path: PATH, image_shape: [16, 16], class_names: null}
evaluation:
  screening: {collapse_duplicates: true, set_aside_outliers: true}
  n_clusters_tried: {low: 2, high: 8}
  export: links
  show_thesis_scores: false
  model_selection: {representation: pixels}
  run_methods: [pixels_umap_kmeans, pixels_umap_hdbscan]
  methods:
    pixels_umap_kmeans: {title: K, representation: pixels, clusterer: {kind: kmeans, umap: {}}}
    pixels_umap_hdbscan: {title: H, representation: pixels, clusterer: {kind: hdbscan, umap: {}}}
predict: {method: best}
"""


def test_a_folder_with_hundreds_of_copies_from_clusters_to_new_pictures(project, tmp_path):
    """Three kinds of pictures, one of them 200 times, one like no other, their number unknown."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 100, (3, 16, 16))
    pictures = [np.clip(kinds[i % 3] + rng.normal(0, 15, (16, 16)), 0, 255) for i in range(99)]
    pictures += [pictures[0]] * 200 + [np.indices((16, 16)).sum(0) * 8]
    folder = tmp_path / "my pictures"
    (folder / "more").mkdir(parents=True)
    for i, pixels in enumerate(pictures):
        place = folder / ("more" if i >= 150 else "") / f"{i:03}.png"
        Image.fromarray(np.asarray(pixels, np.uint8)).save(place)
    conf = project / "conf" / "pictures"
    conf.mkdir()
    (conf / "globals.yml").write_text("folder: data/pictures\npretrained_dir: null\n")
    (conf / "parameters.yml").write_text(FOLDER.replace("PATH", str(folder)))
    predicting = {"env": "pictures", "pipelines": ["predict"]}
    with pytest.raises(
        Exception, match=r"best_clusters: no run .* --env=pictures --pipelines=eval"
    ):
        run(project, **predicting, params={"predict.path": str(folder)})
    run(project, env="pictures", pipelines=["evaluation"])
    output, reporting = (project / "data/pictures" / n for n in ("07_model_output", "08_reporting"))

    clusters = pd.read_csv(output / "clusters.csv")
    assert list(clusters) == ["index", "path", "cluster", "confidence"]
    paths = [p.relative_to(folder).as_posix() for p in folder.rglob("*.png")]
    assert clusters["path"].to_list() == sorted(paths)
    number = clusters.set_index("path")["cluster"]
    originals = [number[f"{i:03}.png"] for i in range(99)]
    assert len({(i % 3, cluster) for i, cluster in enumerate(originals)}) == len({*originals}) == 3
    copies = pd.read_csv(reporting / "duplicates.csv")
    assert len(copies) == 201
    assert (copies["kind"] == "exact").all()
    assert number[copies["path"]].nunique() == 1
    assert "more/299.png" in set(pd.read_csv(reporting / "outliers.csv")["path"])
    assert json.loads((reporting / "n_clusters.json").read_text()) == 3
    assert list(pd.read_csv(reporting / "n_clusters.csv")["n_clusters"]) == list(range(2, 9))
    assert (reporting / "n_clusters.png").is_file()
    first = output / "cluster_folders" / f"cluster_{number['000.png']}"
    assert (first / "000.png").resolve() == (folder / "000.png").resolve()

    # New pictures, with names for the clusters, and no picture of the run at hand.
    names = tmp_path / "names.csv"
    pd.DataFrame({"cluster": originals[:3], "name": ["a", "b", "a"]}).to_csv(names, index=False)
    new = tmp_path / "new"
    new.mkdir()
    Image.fromarray(np.asarray(pictures[4], np.uint8)).save(new / "x, y.png")
    stripes = np.indices((16, 16))[1] % 4 * 60
    Image.fromarray(stripes.astype(np.uint8)).save(new / "z.png")
    (new / "zero.png").touch()
    params = {"predict.path": str(new), "data.cluster_names": str(names)}
    assert "99.png" not in run(project, **predicting, params=params).log
    predicted = pd.read_csv(output / "predicted_clusters.csv")
    columns = ["index", "path", "cluster", "name", "confidence", "distance", "novel"]
    assert list(predicted) == columns
    assert predicted.loc[0, columns[1:]].to_list()[:4] == ["x, y.png", originals[1], "b", 1.0]
    assert predicted["novel"].to_list() == [False, True]
    skipped = pd.read_csv(reporting / "skipped_new_pictures.csv")
    assert skipped.to_numpy().tolist() == [["zero.png", "empty"]]

    # The run is of other pictures by now, or of other parameters.
    with pytest.raises(Exception, match=r"evaluation.seed \(then 42, now 7\).*run the pipeline"):
        run(project, **predicting, params={**params, "evaluation.seed": 7})
    (folder / "000.png").unlink()
    with pytest.raises(Exception, match=r"made from something else: images of data"):
        run(project, **predicting, params=params)


def test_photos_are_sorted_by_the_pretrained_network(project, tmp_path):
    """The environment that ships, from a folder of subfolders to new pictures."""
    rng = np.random.default_rng(0)
    y, x = np.indices((40, 50))
    shapes = {"stripes": x % 8 < 4, "disks": (x - 25) ** 2 + (y - 20) ** 2 < 200}
    folder = tmp_path / "photos"
    for kind, shape in shapes.items():
        (folder / kind).mkdir(parents=True)
        for i in range(20):
            color, ground = rng.integers(150, 256, 3), rng.integers(0, 60, 3)
            pixels = np.where(shape[..., None], color, ground) + rng.integers(-20, 20, (40, 50, 3))
            picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            picture.save(folder / kind / f"{i}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "disks" / "19.jpg").rename(tmp_path / "new.jpg")
    params = {"data.path": str(folder), "n_clusters": 2, "backbone.image_size": 64}
    log = run(project, env="photos", params=params).log
    assert "39 pictures, in color" in log
    output, reporting = (project / "data/photos" / n for n in ("07_model_output", "08_reporting"))
    skipped = pd.read_csv(reporting / "skipped_pictures.csv")
    assert list(skipped["path"]) == ["broken.jpg"]
    assert (reporting / "gallery.html").is_file()
    assert (reporting / "report.html").is_file()
    clusters = pd.read_csv(output / "clusters.csv")
    kinds = clusters["path"].str.partition("/")[0]
    assert list(clusters["path"][:3]) == ["disks/0.jpg", "disks/1.jpg", "disks/2.jpg"]
    assert len(set(zip(kinds, clusters["cluster"], strict=True))) == 2

    del params["data.path"]  # what is stored is of one folder
    new = {**params, "predict.path": str(tmp_path / "new.jpg")}
    run(project, env="photos", pipelines=["predict"], params=new)
    predicted = pd.read_csv(output / "predicted_clusters.csv")
    assert list(predicted["path"]) == ["new.jpg"]
    assert predicted["cluster"][0] == clusters["cluster"][0]


def test_thesis_protocol_end_to_end_with_few_epochs(project):
    """All ten methods, with every training that they need."""
    params = {**FEW, "moco.epochs": 1}
    params |= {f"finetuning.{name}.epochs": 1 for name in ("kmeans", "spectral", "learnable")}
    results = ["clustering_comparison", "run_info"]
    run(project, env="thesis", params=params, to_outputs=results)
    reporting = project / "data" / "thesis" / "08_reporting"
    table = pd.read_csv(reporting / "clustering_comparison.csv")
    assert len(table) == 10
    trainings = {"moco", "end_to_end", "joint", "kmeans_finetuned", "spectral_finetuned"}
    trainings.add("learnable_finetuned")
    assert {p.stem for p in (reporting / "training_cost").iterdir()} == trainings
    for name in trainings:
        cost = pd.read_csv(reporting / "training_cost" / f"{name}.csv")
        assert list(cost.columns) == ["epoch", "seconds", "memory_mb", "precision", "threads"]
        assert (cost["seconds"] > 0).all()
        assert (cost["epoch"] == [1]).all()
    cost = json.loads((reporting / "embedding_cost" / "joint.json").read_text())
    assert cost["time_s"] > 0
    info = json.loads((reporting / "run_info.json").read_text())
    assert info["parameters"]["moco"]["epochs"] == 1
    assert info["versions"]["torch"].startswith("2.")


def test_bugfix_ablation_with_few_epochs(project):
    protocol = "bugfix_ablation.protocol"
    params = {**FEW, f"{protocol}.moco.epochs": 1, "bugfix_ablation.clusterer.n_init": 1}
    params |= {f"{protocol}.finetuning.epochs": 1, f"{protocol}.finetuning.n_init": 1}
    wanted = ["bugfix_ablation_table"]  # no curve of each training
    run(project, env="thesis", pipelines=["bugfix_ablation"], params=params, to_outputs=wanted)
    table = pd.read_csv(project / "data" / "thesis" / "08_reporting" / "bugfix_ablation.csv")
    columns = ["case", "issue", "change", "encoder", "epochs", "nmi", "ari", "acc"]
    assert set(table.columns) == set(columns)
    assert len(table) == 28
    table = table.set_index(["case", "encoder"])
    # What is not trained anew has the same embedding.
    selected = table.loc[("checkpoint_selection", "moco"), "nmi"]
    assert selected == table.loc[("thesis", "moco"), "nmi"]


def test_another_seed_writes_to_a_folder_of_its_own(smoke, project):
    before = (smoke.folder / "06_models/moco_pretraining/encoder.pt").read_bytes()
    run(project, env="smoke", pipelines=["moco_pretraining"], params={"seed": 1})
    assert (smoke.folder / "06_models/moco_pretraining/encoder.pt").read_bytes() == before
    assert (smoke.folder / "seed_1/06_models/moco_pretraining/encoder.pt").read_bytes() != before


def test_an_error_raised_on_purpose_is_printed_without_its_traceback(project, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("label,pixel1,pixel2,pixel3,pixel4\n1,2,3,4,999\n")
    result = kedro(project, "run", "--pipelines=data_processing", f"--params=data.path={path}")
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


def test_a_folder_with_everything_that_people_have_in_it(project, tmp_path):
    """Pictures of many kinds beside files that are none: a run that ends well and a list of the rest."""
    root = tmp_path / "ph 👗"
    (root / "2024").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "2024" / f"{i}.jpg")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(root / "deep.png")
    Image.fromarray(np.full((9, 9, 4), (255, 255, 255, 0), np.uint8)).save(root / "cut, out.png")
    for name in ("._1.jpg", "zero.jpg", "page.jpg", "note.txt"):
        (root / name).write_text("" if name == "zero.jpg" else "<!DOCTYPE html>")
    params = {"data.path": str(root), "data.limit": None}
    read = {"env": "smoke", "pipelines": ["data_processing"], "params": {**params, "seed": 3}}
    assert "14 pictures, in color; skipped" in run(project, **read).log
    folder = project / "data" / "smoke"
    images = folder / "seed_3" / "02_intermediate" / "images.npy"
    assert np.load(images).shape == (14, 28, 28, 3)
    assert images.samefile(folder / "02_intermediate" / "pictures.npy")
    skipped = pd.read_csv(folder / "seed_3" / "08_reporting" / "skipped_pictures.csv")
    assert dict(skipped.itertuples(index=False, name=None)) == {
        "._1.jpg": "side file of macOS",
        "note.txt": "of a kind that is not read (.txt)",
        "page.jpg": "no picture, or of an unknown format",
        "zero.jpg": "empty",
    }
    # Another seed finds them decoded.
    read["params"]["seed"] = 4
    assert "no picture is new or changed" in run(project, **read).log
