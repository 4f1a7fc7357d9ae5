"""Clustering methods, what they need (neighbors, UMAP), and scores; no PyTorch."""
