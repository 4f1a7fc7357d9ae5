"""What is done with 10,000 to a million points: neighbors, k-means, and a whole run of ``photos``."""

import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import yaml
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

from fashion_mocluster.clustering.approximate_neighbors import LOOKED_INTO, MEASURED_QUERIES, RECALL
from fashion_mocluster.clustering.clusterers import cluster
from fashion_mocluster.clustering.neighbors import ALL_PAIRS, nearest_neighbors, unit
from fashion_mocluster.clustering.neighbors import search as our_search
from fashion_mocluster.clustering.parameters import KMeansParameters
from fashion_mocluster.cost import Cost
from tests.benchmarks.command_line import profile
from tests.benchmarks.side_by_side import Result, growth, time_side_by_side
from tests.benchmarks.size import Size
from tests.project_copy import copy_project

DIMENSIONS, NEIGHBORS = 128, 10
# Points from which on pynndescent, which compiles for most of a minute in each process, is measured.
WORTH_COMPILING = 10_000
# Of a run on the largest number of points, on two cores.
GOAL_S, GOAL_MB = 1200, 8192


def many_points_areas(embeddings: np.ndarray, size: Size) -> Iterator[Result]:
    """One result per area.

    Args:
        embeddings: float32 (N, D) of real images, of which jittered copies are made.
    """
    kinds = {
        "mixture of Gaussians": mixture(max(size.points)),
        "jittered copies": jittered_copies(embeddings, max(size.points)),
    }
    for kind, x in kinds.items():
        for count in size.points:
            yield from neighbors(x[:count], kind, size.rounds if count < ALL_PAIRS else 1)
        for n_clusters in (10, 100):
            yield from k_means(x, kind, n_clusters, size.rounds)
        yield from photos_runs(x, kind, size)


def mixture(count: int) -> np.ndarray:
    """Points float32 (count, DIMENSIONS) of a hundred Gaussians of unequal weight."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(100, DIMENSIONS)).astype(np.float32)
    which = rng.choice(len(centers), count, p=rng.dirichlet(np.ones(len(centers))))
    x = rng.standard_normal((count, DIMENSIONS), np.float32)
    x += centers[which]
    return x


def jittered_copies(x: np.ndarray, count: int) -> np.ndarray:
    """Points float32 (count, D): ``x`` (N, D), as directions, as often as it takes, each time moved by
    half the distance of a point to its nearest.
    """
    x = unit(x[np.random.default_rng(0).permutation(len(x))])
    some = x[:2000]
    nearest = np.median(NearestNeighbors().fit(x).kneighbors(some, 2)[0][:, 1])
    copies = x[np.arange(count) % len(x)]
    noise = np.random.default_rng(1).standard_normal(copies.shape, np.float32)
    noise *= nearest / 2 / x.shape[1] ** 0.5
    copies += noise
    return copies


def neighbors(x: np.ndarray, kind: str, rounds: int) -> Iterator[Result]:
    """Against the searches of other libraries; of those that are approximate with their recall."""
    how = "all pairs" if len(x) <= ALL_PAIRS else "cells and their recall"
    found: dict[str, np.ndarray] = {}

    def search_anew() -> np.ndarray:
        our_search.cache_clear()  # what was found before is remembered
        return nearest_neighbors(x, NEIGHBORS)[0]

    def search(name: str, work) -> tuple[str, object]:
        return name, lambda: found.update({name: work()})

    others = {"faiss, HNSW": lambda: _hnsw(x), "faiss, IVF": lambda: _inverted_file(x)}
    if len(x) >= WORTH_COMPILING:
        from pynndescent import NNDescent  # only here, for it takes a second

        others["pynndescent"] = lambda: NNDescent(x, n_neighbors=NEIGHBORS + 1).neighbor_graph[0]
    if len(x) <= ALL_PAIRS:
        others["faiss, flat"] = lambda: faiss.knn(x, x, NEIGHBORS + 1)[1]
        others["scikit-learn"] = lambda: (
            NearestNeighbors(algorithm="brute").fit(x).kneighbors(x, NEIGHBORS + 1)[1]
        )
    for name, work in others.items():
        result = time_side_by_side(
            f"Nearest neighbors, {kind}",
            len(x),
            search("ours", search_anew),
            search(name, work),
            rounds=rounds,
            unit="s",
            scale=1,
        )
        recalls = (_recall(x, found[which]) for which in ("ours", name))
        recalls = [f"recall {recall:.3f}" for recall in recalls]
        yield replace(result, ours=f"{how}, {recalls[0]}", against=f"{name}, {recalls[1]}")


def _hnsw(x: np.ndarray) -> np.ndarray:
    index = faiss.IndexHNSWFlat(x.shape[1], 16)
    index.add(x)
    return index.search(x, NEIGHBORS + 1)[1]


def _inverted_file(x: np.ndarray) -> np.ndarray:
    """In as few cells as ours, of which as many are looked into as find ``RECALL`` of some neighbors."""
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(x.shape[1]), x.shape[1], int(len(x) ** 0.5))
    index.train(x[: 64 * index.nlist])
    index.add(x)
    some = np.random.default_rng(1).permutation(len(x))[:MEASURED_QUERIES]
    true = faiss.knn(x[some], x, NEIGHBORS + 1)[1]
    for index.nprobe in LOOKED_INTO:
        found = index.search(x[some], NEIGHBORS + 1)[1]
        if np.mean([np.isin(*pair).mean() for pair in zip(true, found, strict=True)]) >= RECALL:
            break
    return index.search(x, NEIGHBORS + 1)[1]


def _recall(x: np.ndarray, found: np.ndarray) -> float:
    """Which share of the nearest others of some points is among those found."""
    some = np.random.default_rng(2).permutation(len(x))[:500]
    true = NearestNeighbors(algorithm="brute").fit(x).kneighbors(x[some], NEIGHBORS + 1)[1][:, 1:]
    return float(np.mean([np.isin(*pair).mean() for pair in zip(true, found[some], strict=True)]))


def k_means(x: np.ndarray, kind: str, n_clusters: int, rounds: int) -> Iterator[Result]:
    """With one start each, against the quickest ways of other libraries; with the ratio of what is
    minimized.
    """
    labels: dict[str, np.ndarray] = {}

    def fit_faiss() -> np.ndarray:
        kmeans = faiss.Kmeans(x.shape[1], n_clusters)
        kmeans.train(x)
        return kmeans.index.search(x, 1)[1].ravel()

    def fit_minibatch() -> np.ndarray:
        return MiniBatchKMeans(n_clusters, n_init=1, random_state=0).fit_predict(x)

    ours = KMeansParameters(n_init=1)
    for name, work in {"faiss": fit_faiss, "MiniBatchKMeans": fit_minibatch}.items():
        result = time_side_by_side(
            f"k-means, {n_clusters} clusters, {kind}",
            len(x),
            ("sample", lambda: labels.update(ours=cluster(x, ours, n_clusters, 0))),
            (name, lambda name=name, work=work: labels.update({name: work()})),
            rounds=rounds,
            unit="s",
            scale=1,
        )
        inertia = [scatter(x, labels[which]) for which in ("ours", name)]
        yield replace(result, against=f"{name}, inertia {inertia[0] / inertia[1]:.3f} of it")


def scatter(x: np.ndarray, labels: np.ndarray) -> float:
    """The sum of squared distances to the means of the clusters."""
    of_clusters = (x[labels == label] for label in np.unique(labels))
    return sum(float(np.square(c - c.mean(0)).sum(dtype=np.float64)) for c in of_clusters)


def photos_runs(x: np.ndarray, kind: str, size: Size) -> Iterator[Result]:
    """The methods of ``photos`` with embeddings made elsewhere, from the files to the gallery."""
    costs = {}
    for count in size.points:
        costs[count], longest = photos_run(x[:count])
    for what, value, goal, unit_ in (
        ("time", costs[count].time_s, GOAL_S, "s"),
        ("memory", costs[count].memory_mb, GOAL_MB, "MB"),
    ):
        yield Result(
            *(f"Run of photos, {kind}, {what}", longest, "goal", count),
            *(round(value, 1), goal, unit_, round(goal / value, 2), "one run"),
        )
    if len(costs) > 1:
        seconds = {count: cost.time_s for count, cost in costs.items()}
        yield growth(f"Run of photos, {kind}, growth over points", seconds, "linear", 1.0)


def photos_run(x: np.ndarray) -> tuple[Cost, str]:
    """What ``kedro run`` costs, all of its process, and the nodes that took longest."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        _write_environment(project, x)
        begun = time.perf_counter()
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "kedro", "run", "--env=many"],
                cwd=project,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "DO_NOT_TRACK": "1"},
            )
            _, status, usage = os.wait4(process.pid, 0)
        output = Path(folder, "log").read_text()
        if status:
            raise RuntimeError(output[-2000:])
        return Cost(time.perf_counter() - begun, usage.ru_maxrss / 1e3), profile(output)


def _write_environment(project: Path, x: np.ndarray) -> None:
    """An environment like ``photos`` with these embeddings and as many images of noise."""
    parameters = yaml.safe_load((project / "conf/photos/parameters.yml").read_text())
    parameters["data"] |= {"path": str(project / "idx"), "image_shape": None}
    evaluation = parameters["evaluation"]
    evaluation["external_embeddings"] = str(project / "embeddings.npy")
    for group in (evaluation["model_selection"], *evaluation["methods"].values()):
        group["representation"] = "external"
    environment = project / "conf" / "many"
    environment.mkdir()
    (environment / "parameters.yml").write_text(yaml.safe_dump(parameters))
    (environment / "globals.yml").write_text("folder: data/many\npretrained_dir: null\n")
    np.save(project / "embeddings.npy", x)
    images = np.random.default_rng(0).integers(0, 256, (len(x), 8, 8), dtype=np.uint8)
    header = struct.pack(">4i", 0x803, *images.shape)
    (project / "idx").mkdir()
    (project / "idx" / "t10k-images-idx3-ubyte").write_bytes(header + images.tobytes())
