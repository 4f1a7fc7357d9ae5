"""Seeds that do not depend on each other, and a fingerprint of the images."""

import hashlib

import numpy as np


def seeds_for(seed: int, count: int) -> list[int]:
    """``count`` independent seeds derived from one (NumPy's SeedSequence)."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count)]


def fingerprint(images: np.ndarray) -> str:
    """Shape and SHA-256 (shortened) of an array: tells whether training goes on with the same data."""
    digest = hashlib.sha256(np.ascontiguousarray(images)).hexdigest()[:16]
    return f"{'x'.join(map(str, images.shape))}:{digest}"
