"""What a result depends on beside the data: parameters, versions, hardware."""

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib
import psutil

from fashion_mocluster import __version__

PACKAGES = ("kedro", "numpy", "scikit-learn", "torch", "torchvision", "umap-learn")


def run_info(parameters: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a run, its seed, versions and hardware, as plain values that JSON can hold."""
    return {
        "seed": parameters["seed"],
        "parameters": {k: _plain(v) for k, v in parameters.items() if not k.startswith("_")},
        "versions": {
            "python": platform.python_version(),
            "fashion-mocluster": __version__,
            **{name: metadata.version(name) for name in PACKAGES},
        },
        "hardware": {
            "processor": _processor(),
            "cores": joblib.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "accelerator": _accelerator(),
        },
    }


def _plain(value: Any) -> Any:
    """Typed groups of parameters as dictionaries, at any depth."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


def _processor() -> str:
    # Python itself knows the model on some systems only.
    lines = Path("/proc/cpuinfo")
    if lines.exists():
        for line in lines.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerator() -> str | None:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "MPS" if torch.backends.mps.is_available() else None
