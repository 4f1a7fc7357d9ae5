"""Independent seeds, and a fingerprint of images."""

import hashlib

import numpy as np


def seeds_for(seed: int, count: int) -> list[int]:
    """``count`` independent seeds derived from one (NumPy's SeedSequence)."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count)]


def fingerprint(images: np.ndarray) -> str:
    """Shape and shortened SHA-256 of an array, for example ``100x28x28:0123456789abcdef``."""
    digest = hashlib.sha256(np.ascontiguousarray(images)).hexdigest()[:16]
    return f"{'x'.join(map(str, images.shape))}:{digest}"
