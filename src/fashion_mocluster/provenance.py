"""What the files of a run were made from: the images, and every parameter that had a part in it."""

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline

from fashion_mocluster.datasets.picture_files import list_pictures
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters.completion import at

# The dataset that the images are read from, and what it says of the place, not of the images.
SOURCES = {"raw_images": "data", "new_images": "predict"}
IMAGES = {group: f"images of {group}" for group in SOURCES.values()}
# Other files of the user's that results are made from, and the parameters that name them.
FILES = {
    "external_embeddings_file": "evaluation.external_embeddings",
    "external_weights_file": "evaluation.external_weights",
}
PLACE = (
    *("path", "labels", "class_names", "cluster_names", "method", "n_neighbors"),
    "external_embeddings",
)
# Where and how fast results are computed, and how they are shown, changes no result that is reused.
WITHOUT_EFFECT = {"checkpoints", "compute", "title", "thesis_scores"}
WITHOUT_EFFECT |= {"unreadable", "max_unreadable_share"}
# Images are checked against these parameters, which changes nothing of them.
CHECKED = {"images": {"n_clusters"}}
# What new images have to be read by as the known ones were.
READ_ALIKE = {"data.invert"}
# Larger files are told apart by their size and time of change.
HASHED_BYTES = 200_000_000


class StaleFileError(FashionMoClusterError, ValueError):
    """A file was made from other images or parameters than those of this run."""


class Record:
    """What each dataset of an output folder was made from, kept in a JSON file beside the results.

    Raises:
        StaleFileError: The file is damaged.
    """

    def __init__(self, path: Path):
        self._path = path
        self._made_from: dict[str, dict] = {}
        if path.exists():
            try:
                self._made_from = {k: {**v} for k, v in json.loads(path.read_text()).items()}
            except (ValueError, AttributeError, TypeError) as error:
                raise StaleFileError(
                    f"{path}: damaged ({error}), so nothing tells what the files beside it were made "
                    "from; delete it if they are of these images and parameters, else the whole folder"
                ) from None
        # Whenever the file is written, one of them has changed.
        self._json = {dataset: _entry(dataset, made) for dataset, made in self._made_from.items()}

    def add(self, dataset: str, made_from: dict[str, Any]) -> None:
        """Record what a dataset was made from."""
        self._json[dataset] = _entry(dataset, made_from)
        self._made_from[dataset] = made_from
        self._write()

    def remove(self, dataset: str) -> None:
        """Forget what a dataset was made from."""
        if self._made_from.pop(dataset, None) is not None:
            del self._json[dataset]
            self._write()

    def check(self, datasets: list[str], expected: dict[str, dict[str, Any]]) -> None:
        """Compare the files of some datasets with what this run would make them from.

        Raises:
            StaleFileError: One was made from other images or parameters; names up to four of them.
        """
        for dataset in self._comparable(datasets, expected):
            keys = self._made_from[dataset].keys() | expected[dataset].keys()
            self._refuse_other(dataset, expected[dataset], keys)

    def take_over(
        self, datasets: list[str], expected: dict[str, dict[str, Any]], given: Collection[str]
    ) -> dict[str, Any]:
        """The parameters of the files of some datasets, by dotted key, where they differ from this run's.

        What only one of both runs has is not compared: the pipelines of an earlier run may have been
        put together in another way.

        Args:
            given: Parameters that the user wrote for this run, which nothing else may replace.

        Raises:
            StaleFileError: The files were made from other images, contradict what the user wrote, or are
                of several runs, as an interrupted run leaves them.
        """
        taken = {}
        comparable = self._comparable(datasets, expected)
        self._refuse_mixed(comparable)
        for dataset in comparable:
            before, now = self._made_from[dataset], expected[dataset]
            both = before.keys() & now.keys()
            # A key with a space is of the content of files, and no parameter.
            fixed = {key for key in both if key in READ_ALIKE or " " in key}
            fixed |= (before.keys() | now.keys()) & set(given)
            self._refuse_other(dataset, now, fixed)
            taken |= {key: before[key] for key in both - fixed if before[key] != now[key]}
        return taken

    def _comparable(self, datasets: list[str], expected: dict[str, dict[str, Any]]) -> list[str]:
        return [name for name in datasets if name in expected and name in self._made_from]

    def _refuse_mixed(self, datasets: list[str]) -> None:
        seen: dict[str, tuple[str, Any]] = {}
        for dataset in datasets:
            for key, value in self._made_from[dataset].items():
                if key in IMAGES.values() and value is None:  # it says nothing of the images
                    continue
                other, there = seen.setdefault(key, (dataset, value))
                if there != value:
                    raise StaleFileError(
                        f"{other} and {dataset}: these files in {self._path.parent} are of different "
                        f"runs ({key}: {there} and {value}), as the last one did not end; run it again"
                    )

    def _refuse_other(self, dataset: str, now: dict[str, Any], keys: Collection[str]) -> None:
        before = self._made_from[dataset]
        differing = [
            f"{key} (then {before.get(key)}, now {now.get(key)})"
            for key in sorted(keys)
            if before.get(key) != now.get(key) and not _is_not_named(key, now)
        ]
        if differing:
            shown = "; ".join(differing[:4]) + ("; ..." if len(differing) > 4 else "")
            raise StaleFileError(
                f"{dataset}: the file in {self._path.parent} was made from something else: "
                f"{shown}. Restore these values, run the pipeline that makes it, or use another "
                "output folder (`folder` in conf/<env>/globals.yml)"
            )

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        entries = (self._json[dataset] for dataset in sorted(self._json))
        partial.write_text("{" + ",\n".join(entries) + "}")
        partial.replace(self._path)


def _entry(dataset: str, made_from: dict[str, Any]) -> str:
    return f"{json.dumps(dataset)}: {json.dumps(made_from, sort_keys=True)}"


def _is_not_named(key: str, now: dict[str, Any]) -> bool:
    """Whether this run names no images, so that it can only mean those of the earlier run."""
    return key in IMAGES.values() and now.get(key) is None


def of_datasets(
    pipelines: Iterable[Pipeline], parameters: dict[str, Any], project_path: Path
) -> dict[str, dict[str, Any]]:
    """What every dataset of all pipelines, also of those not run at present, would be made from.

    By dataset: the values of all parameters that reach it, by dotted key, and a signature of the images
    for each source of images, and of each file named by a parameter.
    """
    made_from: dict[str, dict[str, Any]] = {
        source: {IMAGES[group]: signature(project_path, path_of_images(parameters, group))}
        | {
            key: value
            for key, value in leaves(parameters.get(group), group).items()
            if key.rpartition(".")[2] not in PLACE
        }
        for source, group in SOURCES.items()
    }
    for dataset, key in FILES.items():
        made_from[dataset] = {
            f"content of {key}": signature(project_path, at(parameters, *key.split(".")))
        }
    if content := signature(project_path, at(parameters, "backbone", "weights")):  # they are a file
        made_from["params:backbone"] = {"content of backbone.weights": content}
    # Within a pipeline, what a node takes comes before it.
    for node in (node for pipeline in pipelines for node in pipeline.nodes):
        origin: dict[str, Any] = {}
        for name in node.inputs:
            if name.startswith("params:"):
                key = name.removeprefix("params:")
                origin |= leaves(at(parameters, *key.split(".")), key)
            origin |= made_from.get(name, {})
        for output in node.outputs:
            made_from[output] = {
                key: value
                for key, value in origin.items()
                if not (_without_effect(key) or key in CHECKED.get(output, ()))
            }
    return made_from


def _without_effect(key: str) -> bool:
    parts = key.split(".")
    return bool(WITHOUT_EFFECT & set(parts)) or (parts[0] == "data" and parts[-1] in PLACE)


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, by dotted key, which begins with ``key``."""
    if not isinstance(value, dict):
        return {key: value}
    return {
        name: leaf
        for part, inner in value.items()
        for name, leaf in leaves(inner, f"{key}.{part}".lstrip(".")).items()
    }


def path_of_images(parameters: dict[str, Any], group: str) -> str | None:
    """The path that ``data`` or ``predict`` names. None for images that torchvision downloads, which may
    not be there yet: it checks MD5 sums as it downloads, and ``format`` tells them from others.
    """
    is_downloaded = at(parameters, group, "format") == "torchvision"
    return None if is_downloaded else at(parameters, group, "path")


def signature(project_path: Path, path: str | None) -> str | None:
    """Tells the images at a path from others: a hash of a file, of a folder the names, sizes and times
    of change of its pictures, or of all files if it has none.
    """
    if path is None:
        return None
    place = project_path / path
    digest = hashlib.sha256()
    if place.is_dir() and (pictures := list_pictures(place).pictures):
        digest.update(repr(pictures).encode())
    elif place.is_dir():
        for file in sorted(p for p in place.rglob("*") if p.is_file()):
            status = file.stat()
            digest.update(
                f"{file.relative_to(place)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
            )
    elif place.is_file() and place.stat().st_size <= HASHED_BYTES:
        digest.update(place.read_bytes())
    elif place.is_file():
        digest.update(f"{place.stat().st_size}\0{place.stat().st_mtime_ns}".encode())
    else:
        return None
    return digest.hexdigest()[:16]
