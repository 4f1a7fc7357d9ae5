"""Weight files that must be refused, and above all not executed."""

import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from kedro.io import DatasetError

from fashion_mocluster.datasets.weights import TorchWeightsDataset
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.parameters import EncoderParameters, PreprocessingParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights, WeightsError
from tests.stress.damage import flip_a_bit, stored_parts

ENCODER_WEIGHTS = "fashion_mocluster.learning.weights.EncoderWeights"


class Touch:
    """Unpickled by a careless reader, it creates the file ``executed`` in the current folder."""

    def __reduce__(self):
        return exec, ("open('executed', 'w').close()",)


class TouchBySystem(Touch):
    """The same through the shell."""

    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


class TouchByImport(Touch):
    """The same through a function that looks harmless."""

    def __reduce__(self):
        import builtins

        return getattr(builtins, "eval"), ("__import__('pathlib').Path('executed').touch()",)  # noqa: B009


def good_weights() -> dict:
    """What a weight file should hold."""
    encoder = build_encoder(EncoderParameters(blocks=[1], widths=[3]), (8, 8), 0)
    return EncoderWeights.of(encoder, PreprocessingParameters(), PixelStatistics(100, 80)).to_dict()


def _saved(content: object) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def _changed(*keys: str, value: object) -> Callable[[Path], None]:
    """Good weights with one entry replaced."""

    def write(path: Path) -> None:
        content = part = good_weights()
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        torch.save(content, path)

    return write


def _without(key: str) -> Callable[[Path], None]:
    return _saved({k: v for k, v in good_weights().items() if k != key})


def _readout(**changes: object) -> Callable[[Path], None]:
    """Good weights with a readout of which some entries are replaced."""
    inputs = math.prod(
        build_encoder(EncoderParameters(blocks=[1], widths=[3]), (8, 8), 0).map_shape(1)
    )
    good = {"stage": 1, "max_grid_size": 8, "flip_tta": True}
    good |= {"mean": torch.zeros(inputs), "matrix": torch.ones(inputs, 2)}
    return _saved({**good_weights(), "format": 3, "readout": {**good, **changes}})


def _bytes(change: Callable[[bytearray], bytes]) -> Callable[[Path], None]:
    """The bytes of good weights, changed."""

    def write(path: Path) -> None:
        torch.save(good_weights(), path)
        path.write_bytes(change(bytearray(path.read_bytes())))

    return write


def _bit_changed(part: str) -> Callable[[Path], None]:
    """Good weights with one bit of a part of the file changed."""

    def write(path: Path) -> None:
        torch.save(good_weights(), path)
        flip_a_bit(path, next(name for name in stored_parts(path) if name.endswith(part)))

    return write


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))


def _torchscript(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/constants.pkl", b"")
        archive.writestr("archive/code/__torch__.py", b"open('executed', 'w')")
        archive.writestr("archive/data.pkl", pickle.dumps(Touch()))


BAD_WEIGHTS: dict[str, Callable[[Path], None]] = {
    "executes code": _saved(Touch()),
    "executes code, older format": lambda path: torch.save(
        Touch(), path, _use_new_zipfile_serialization=False
    ),
    "executes a shell command": _saved({**good_weights(), "x": TouchBySystem()}),
    "executes code by eval": _saved({**good_weights(), "state": {"w": TouchByImport()}}),
    "plain pickle that executes": lambda path: path.write_bytes(pickle.dumps(Touch())),
    "TorchScript archive": _torchscript,
    "whole module instead of tensors": _saved(torch.nn.Linear(2, 2)),
    "NumPy objects": _saved(np.array([Touch()], dtype=object)),
    "empty file": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("weights"),
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "zip of nothing known": _zip_bomb,
    "first half only": _bytes(lambda content: bytes(content[: len(content) // 2])),
    "last bytes missing": _bytes(lambda content: bytes(content[:-40])),
    "a bit of a tensor changed": _bit_changed("data/0"),
    "a bit of the description changed": _bit_changed("data.pkl"),
    "a list": _saved([1, 2]),
    "a tensor": _saved(torch.ones(3)),
    "a bare dictionary": _saved({"epoch": 3}),
    "a future format": _changed("format", value=99),
    "no architecture": _without("encoder"),
    "no tensors": _without("state"),
    "no statistics": _without("statistics"),
    "another architecture": _changed("encoder", "widths", value=[5]),
    "more stages than tensors": _changed("encoder", value={"blocks": [1, 1], "widths": [3, 3]}),
    "absurd width": _changed("encoder", "widths", value=[10**6]),
    "unknown option": _changed("encoder", "attention", value=True),
    "three channels": _changed("state", "conv1.weight", value=torch.ones(3, 3, 3, 3)),
    "NaN weights": _changed("state", "bn1.weight", value=torch.full((3,), torch.nan)),
    "number for a tensor": _changed("state", "bn1.weight", value=1.0),
    "tensors as a list": _changed("state", value=[torch.ones(3)]),
    "readout that executes code": _readout(mean=Touch()),
    "readout of a stage too many": _readout(stage=2),
    "readout of another map": _readout(matrix=torch.ones(5, 2)),
    "NaN readout": _readout(matrix=torch.full((3, 2), torch.nan)),
    "extra tensor": _changed("state", "head.weight", value=torch.ones(3)),
}


def refused(folder: Path, write: Callable[[Path], None]) -> bool:
    """Whether the file is refused with one error that names it, and nothing in it was executed.

    The current folder of the process has to be ``folder``.
    """
    path = folder / "encoder.pt"
    write(path)
    try:
        TorchWeightsDataset(filepath=str(path), content=ENCODER_WEIGHTS).load().build()
    except (DatasetError, WeightsError) as error:
        return str(path) in str(error) and not (folder / "executed").exists()
    return False
