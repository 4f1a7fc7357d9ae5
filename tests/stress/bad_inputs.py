"""Inputs that must be refused, each with one clear error that names the file or the parameter."""

import gzip
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fashion_mocluster.datasets.image_source import ImagesDataset
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.data_processing.nodes import validate_images
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation.nodes import read_external_embeddings
from tests.project_copy import project_parameters

HEADER = "label,pixel1,pixel2,pixel3,pixel4"
GOOD = f"{HEADER}\n3,0,1,2,255\n0,9,8,7,6\n"

# Content of a CSV file, and what the error has to say.
BAD_CSV: list[tuple[str | bytes, str]] = [
    ("", "file is empty"),
    (f"{HEADER}\n", "no rows"),
    (GOOD.replace(",", ";"), "line 1: columns are separated by semicolons"),
    (GOOD.replace("pixel3", "pixel2"), "line 1: column 'pixel2' occurs twice"),
    (GOOD.replace("pixel3", "pixl3"), "line 1, column 4: expected 'pixel3', got 'pixl3'"),
    (GOOD.replace(",pixel4", ""), "line 1: 3 pixel columns, of which no square"),
    (GOOD.replace("pixel4", "pixel4,pixel5"), "line 1: 5 pixel columns, of which no square"),
    (GOOD.replace("label", "sort"), "line 1, column 1: expected 'pixel1', got 'sort'"),
    ("label\n1\n", "no pixel columns"),
    (GOOD.replace("9,8", "9,"), "line 3, column 'pixel2': the value is missing"),
    (GOOD.replace("9,8", "9,NaN"), "line 3, column 'pixel2': the value is missing"),
    (GOOD.replace("9,8", "9,eight"), "line 3, column 'pixel2': 'eight' is not a whole number"),
    (GOOD.replace("9,8", "9,8.5"), "line 3, column 'pixel2': '8.5' is not a whole number"),
    (GOOD.replace("255", "256"), "line 2, column 'pixel4': 256 is outside 0 to 255"),
    (GOOD.replace("255", "-1"), "line 2, column 'pixel4': -1 is outside 0 to 255"),
    (GOOD.replace("255", "9" * 30), "line 2, column 'pixel4'.*outside 0 to 255"),
    (GOOD.replace("9,8,7,6", "9,8,7"), "line 3: 4 values, but line 1 has 5 columns"),
    (GOOD.replace("9,8,7,6", "9,8,7,6,5"), "line 3: 6 values, but line 1 has 5 columns"),
    (GOOD.replace("3,0", "shirt,0"), "line 2, column 'label': 'shirt' is not a whole number"),
    (GOOD.replace("3,0", ",0"), "line 2, column 'label': the value is missing"),
    (GOOD.replace("3,0", "9" * 30 + ",0"), "line 2, column 'label'.*is outside"),
    (GOOD + "\n", "line 4: 0 values"),
    (GOOD.replace("9,8", "9,0.5"), "'0.5' is not a whole number; multiply pixels from 0 to 1 by"),
    (GOOD.replace(",", "\t"), "line 1: columns are separated by tabs"),
    ("7,2,3\n", "line 1: 3 columns without a header, of which no image"),
    (GOOD.replace("9,8", "9,\U0010ffff"), "line 3, column 'pixel2': .* not a whole number"),
    (GOOD.replace("9,8", "9,\u0668"), "line 3, column 'pixel2': .* not a whole number"),
    (b"\xff\xfe\x00\x01", "not a text file"),
    (GOOD.encode("utf-16"), "not a text file.*not in UTF-16"),
    (gzip.compress(GOOD.encode(), mtime=0), "not a text file"),
]


def idx(shape: tuple[int, ...], values: int, kind: int = 8) -> bytes:
    """An IDX file whose header promises ``shape`` and that holds ``values`` bytes."""
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


GOOD_IMAGES, GOOD_LABELS = idx((3, 4, 4), 48), idx((3,), 3)
PICTURES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

# Files of a folder of IDX files, and what the error has to say.
BAD_IDX: list[tuple[dict[str, bytes], str]] = [
    ({}, "found neither pictures"),
    ({"train-images-idx3-ubyte": GOOD_IMAGES}, "found neither t10k-images"),
    ({PICTURES: b""}, "not an IDX file"),
    ({PICTURES: GOOD_IMAGES[:9]}, "not an IDX file"),
    ({PICTURES: GOOD_LABELS}, "not an IDX file of bytes with 3"),
    ({PICTURES: idx((3, 4, 4), 48, kind=13)}, "not an IDX file of bytes"),
    ({PICTURES: GOOD_IMAGES[:-1]}, "47 values, but its header says 3 x 4 x 4"),
    ({PICTURES: GOOD_IMAGES + b"x"}, "49 values"),
    ({PICTURES: idx((0, 4, 4), 0)}, "header says 0 x 4 x 4"),
    ({PICTURES: idx((2**32 - 1,) * 3, 0)}, "0 values, but its header says 4294967295"),
    ({PICTURES: GOOD_IMAGES, LABELS: idx((2,), 2)}, "2 labels for the 3 images"),
    ({PICTURES: GOOD_IMAGES, LABELS: b"text"}, "not an IDX file"),
    ({f"{PICTURES}.gz": gzip.compress(GOOD_IMAGES)[:-9]}, "truncated or damaged gzip"),
    ({f"{PICTURES}.gz": GOOD_IMAGES}, "truncated or damaged gzip"),
]

# Overrides of the base parameters, and the parameter that the error has to name.
BAD_PARAMETERS: list[tuple[dict, str]] = [
    ({"n_clusters": 0}, "n_clusters"),
    ({"n_clusters": "ten"}, "n_clusters"),
    ({"n_clusters": 2.5}, "n_clusters"),
    ({"mocco": {"epochs": 3}}, "mocco: there is no such parameter here; did you mean moco?"),
    ({"moco": {"epoch": 3}}, "moco.epoch: there is no such parameter here; did you mean epochs?"),
    ({"moco": {"epochs": 0}}, "moco.epochs"),
    ({"moco": {"epochs": None}}, "moco.epochs"),
    ({"moco": {"batch_size": 1}}, "moco.batch_size"),
    ({"moco": {"seed": -1}}, "moco.seed"),
    ({"moco": {"contrast": {"temperature_start": 0}}}, "moco.contrast.temperature_start"),
    ({"moco": {"contrast": {"momentum_end": 1.5}}}, "moco.contrast.momentum_end"),
    ({"moco": {"contrast": {"queue_size": 0}}}, "moco.contrast.queue_size"),
    ({"moco": {"optimizer": {"learning_rate": float("nan")}}}, "moco.optimizer.learning_rate"),
    ({"moco": {"optimizer": {"learning_rate": float("inf")}}}, "moco.optimizer.learning_rate"),
    ({"moco": {"optimizer": {"schedule": "linear"}}}, "moco.optimizer.schedule"),
    ({"moco": {"views": {"crop_scale": {"low": 0.9, "high": 0.5}}}}, "moco.views.crop_scale"),
    ({"moco": {"views": {"crop_scale": {"low": 0, "high": 1}}}}, "crop_scale must be positive"),
    ({"moco": {"views": {"blur_kernel": 4}}}, "blur_kernel must be odd"),
    ({"moco": {"encoder": {"blocks": [2, 2]}}}, "must name the same number of stages"),
    ({"moco": {"encoder": {"projection_dim": None}}}, "given together or not at all"),
    ({"moco": {"compute": {"device": "tpu"}}}, "moco.compute.device"),
    ({"moco": {"checkpoints": {"keep": 0}}}, "moco.checkpoints.keep"),
    ({"moco": "fast"}, "moco"),
    ({"data": {"path": 7.5}}, "data.path"),
    ({"data": {"color": "grey"}}, "data.color"),
    ({"data": {"invert": "maybe"}}, "data.invert"),
    ({"data": {"max_unreadable_share": 50}}, "data.max_unreadable_share"),
    ({"data": {"format": "tsv"}}, "data.format"),
    ({"data": {"image_shape": [28]}}, "data.image_shape"),
    ({"data": {"limit": 1}}, "data.limit"),
    ({"finetuning": {"kmeans": {"assign": "dbscan"}}}, "finetuning.kmeans.assign"),
    ({"finetuning": {"agglomerative": {}}}, "finetuning.agglomerative"),
    ({"evaluation": {"pca_components": 0}}, "evaluation.pca_components"),
    ({"evaluation": {"methods": {"Bad Name": {}}}}, "evaluation.methods.Bad Name"),
    ({"evaluation": {"methods": {"kmeans": {"clusterer": {"kind": "x"}}}}}, "clusterer.kind"),
    ({"evaluation": {"model_selection": {"representation": "external"}}}, "external_embeddings"),
    ({"ablation": {"run": "axz"}}, "ablation.run"),
    ({"ablation": {"run": ""}}, "ablation.run"),
]

# Arrays that no clustering can be made of, and what the error has to say.
BAD_ARRAYS: list[tuple[np.ndarray, str]] = [
    (np.zeros((30, 8, 8), np.float32), "expected uint8"),
    (np.zeros((30, 64), np.uint8), "expected uint8"),
    (np.zeros((30, 8, 8, 2), np.uint8), "expected uint8"),
    (np.zeros((0, 8, 8), np.uint8), "at least 2"),
    (np.zeros((1, 8, 8), np.uint8), "at least 2"),
    (np.zeros((30, 2, 8), np.uint8), "at least 4 x 4"),
    (np.full((30, 8, 8), 7, np.uint8), "30 images, all the same"),
    (np.arange(576, dtype=np.uint16).astype(np.uint8).reshape(9, 8, 8), "cannot make 10 clusters"),
]

# Tables of embeddings made elsewhere, for three images, and what the error has to say.
BAD_EMBEDDINGS: list[tuple[pd.DataFrame, str]] = [
    (pd.DataFrame({"feature_0": [1.0, 2]}), "2 lines for 3 images"),
    (pd.DataFrame({"label": [1, 2, 3]}), "columns must be"),
    (pd.DataFrame({"f0": [1.0, 2, 3]}), "columns must be"),
    (pd.DataFrame({"feature_1": [1.0, 2, 3]}), "columns must be"),
    (pd.DataFrame({"feature_0": [1.0, np.nan, 3]}), "image 1, column 'feature_0'"),
    (pd.DataFrame({"feature_0": [1.0, 2, np.inf]}), "image 2, column 'feature_0'"),
    (pd.DataFrame({"feature_0": ["1", "two", "3"]}), "image 1, column 'feature_0'"),
]


@dataclass(frozen=True)
class BadInput:
    """One of them.

    Attributes:
        name: What is wrong.
        load: Reads it from files made in the folder given; has to raise.
        message: What the error has to say.
    """

    name: str
    load: Callable[[Path], object]
    message: str

    def refused(self, folder: Path) -> bool:
        """Whether it is refused with one clear error that says so."""
        try:
            self.load(folder)
        except FashionMoClusterError as error:
            return self.message in str(error)
        return False


def all_bad_inputs() -> Iterator[BadInput]:
    """All of them, each distinct."""
    for number, (content, message) in enumerate(BAD_CSV):
        yield BadInput(f"CSV {number}: {message}", _csv(content), _plain(message))
    million = f"{HEADER}\n" + "1,2,3,4,5\n" * 999_998 + "1,2,x,4,5\n"
    yield BadInput("CSV: row one million", _csv(million), "line 1000000, column 'pixel2': 'x'")
    for cut in (5, 30, -6):
        damaged = gzip.compress(GOOD.encode() * 50)[:cut]
        yield BadInput(f"CSV: gzip cut at {cut}", _csv(damaged, ".csv.gz"), "truncated or damaged")
    yield BadInput("CSV: missing", lambda folder: _load(folder / "no.csv"), "no such file")
    for number, (files, message) in enumerate(BAD_IDX):
        yield BadInput(f"IDX {number}: {message}", _idx_folder(files), message)
    for name, make in BAD_PICTURES.items():
        yield BadInput(f"picture: {name}", _picture(make), "1 picture cannot be read")
    for override, message in BAD_PARAMETERS:
        yield BadInput(f"parameter: {message}", _parameters(override), message)
    for number, (array, message) in enumerate(BAD_ARRAYS):
        yield BadInput(f"images {number}: {message}", _images(array), message)
    for number, (table, message) in enumerate(BAD_EMBEDDINGS):
        yield BadInput(f"embeddings {number}: {message}", _embeddings(table), message)


def _plain(pattern: str) -> str:
    """The longest part of a regular expression that is plain text."""
    return max(pattern.replace("\\", "").split(".*"), key=len)


def _load(path: Path) -> object:
    return ImagesDataset(filepath=str(path)).load()


def _csv(content: str | bytes, suffix: str = ".csv") -> Callable[[Path], object]:
    def load(folder: Path) -> object:
        path = folder / f"images{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return _load(path)

    return load


def _idx_folder(files: dict[str, bytes]) -> Callable[[Path], object]:
    def load(folder: Path) -> object:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return _load(folder)

    return load


def _truncated_png(path: Path) -> None:
    Image.effect_noise((40, 40), 50).save(path)
    path.write_bytes(path.read_bytes()[:300])


BAD_PICTURES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("a picture"),
    "truncated": _truncated_png,
}


def _picture(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def load(folder: Path) -> object:
        Image.new("L", (30, 30)).save(folder / "a_good_one.png")
        make(folder / "bad.png")
        return ImagesDataset(filepath=str(folder), unreadable="refuse").load()

    return load


def _parameters(override: dict) -> Callable[[Path], object]:
    return lambda _: check_parameters(project_parameters(runtime=override))


def _images(array: np.ndarray) -> Callable[[Path], object]:
    return lambda _: validate_images(array, DataParameters(path="images.csv"), 10)


def _embeddings(table: pd.DataFrame) -> Callable[[Path], object]:
    images = np.zeros((3, 8, 8), np.uint8)
    return lambda _: read_external_embeddings(table, images)
