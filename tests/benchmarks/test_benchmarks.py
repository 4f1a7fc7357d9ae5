"""The small form of ``make bench``, in this process and smaller still."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from fashion_mocluster.cost import Cost
from tests.benchmarks.side_by_side import growth
from tests.benchmarks.size import SMALL
from tests.benchmarks.threads import PAIRS
from tests.project_copy import PROJECT


@pytest.mark.slow
def test_every_area_is_measured_and_saved(tmp_path, monkeypatch):
    from tests.benchmarks.__main__ import main  # with timm and numba, which take seconds

    # Each side of a pair is a process of its own.
    monkeypatch.setattr("tests.benchmarks.threads.PAIRS", PAIRS[:1])
    # So is each run of the project.
    monkeypatch.setattr(
        "tests.benchmarks.many_points.photos_run", lambda x: (Cost(len(x) / 100, 1.0), "all")
    )
    commands = {"run --help": 2.5}
    size = replace(SMALL, images=120, batch=8, thread_images=32, commands=commands)
    path = tmp_path / "reporting" / "benchmarks.csv"
    table = main(None, size, path)
    assert path.read_text().count("\n") == len(table) + 1
    areas = " ".join(table["area"])
    for area in ("MoCo training step", "MoCo epoch", "Finetuning step", PAIRS[0][0], "TURTLE"):
        assert area in areas
    assert "Reading photos of 12 MP, photos a second" in areas
    for area in ("Spectral clustering", "Silhouette", "kedro run --help"):
        assert area in areas
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for area in ("MoCo epoch, default encoder", "Nearest neighbors", "Silhouette"):
        assert f"{area}, {device}" in areas
    for area in ("Nearest neighbors, jittered copies", "k-means, 100 clusters", "Run of photos"):
        assert area in areas
    assert (table.loc[table["unit"].isin(["s", "ms/image", "images/s"]), "ours_value"] > 0).all()
    gradients = table.loc[table["area"] == "Finetuning step, time", "against"].item()
    assert float(gradients.rpartition(" ")[2]) < 1e-3


@pytest.mark.slow
def test_one_part_can_be_measured_alone(tmp_path):
    from tests.benchmarks.__main__ import main

    table = main(None, replace(SMALL, images=60), tmp_path / "benchmarks.csv", only="turtle")
    assert table["area"].str.startswith("TURTLE").all()


def test_growth_is_the_power_of_the_size():
    result = growth("a", {10: 1.0, 20: 4.0, 40: 16.0}, "linear", 1.0)
    assert (result.ours_value, result.ratio, result.spread) == (2.0, 0.5, "2.00-2.00")


@pytest.mark.slow
def test_a_benchmark_computes_with_as_many_threads_as_a_run():
    """Tests compute with one thread each, which what they import must not give to the benchmark."""
    code = (
        "import os, tests.benchmarks.__main__, tests.benchmarks.scaling\n"
        "assert 'OMP_NUM_THREADS' not in os.environ"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, check=True)
