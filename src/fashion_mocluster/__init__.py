"""Group images that nobody labeled: momentum contrast, then clustering."""

__version__ = "0.1.0"
