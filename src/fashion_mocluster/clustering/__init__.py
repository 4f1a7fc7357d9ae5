"""Neighbors, manifold embedding, spectral clustering, partitions and scores (NumPy)."""
