"""Neighbours, manifold embedding, spectral clustering, partitions and scores (NumPy)."""
