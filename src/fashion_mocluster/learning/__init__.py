"""Encoder, views, momentum contrast, surrogate losses and their training loops (PyTorch)."""
