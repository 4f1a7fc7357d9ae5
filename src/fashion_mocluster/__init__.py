"""Group images that nobody labelled: momentum contrast, then clustering."""

__version__ = "0.1.0"
