"""Errors that are raised on purpose; the command line shows their message alone."""


class FashionMoClusterError(Exception):
    """Something that the user can put in order; its message says all there is to say."""


class InputError(FashionMoClusterError, ValueError):
    """Images, embeddings or settings that cannot be used."""
