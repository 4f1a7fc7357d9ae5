"""Placeholder until the threads branch is merged."""


def limit_numeric_threads(threads="auto"):
    return None
