"""Checks that the clusterers share."""

from numbers import Integral

from sklearn.base import BaseEstimator


def check_counts(estimator: BaseEstimator, **least: int) -> None:
    """Refuse parameters that are no whole numbers of at least the value passed under their name.

    Raises:
        ValueError: A parameter is wrong; names it and the estimator.
    """
    for name, lowest in least.items():
        value = getattr(estimator, name)
        if not isinstance(value, Integral) or isinstance(value, bool) or value < lowest:
            raise ValueError(
                f"The {name!r} parameter of {type(estimator).__name__} must be a whole number of "
                f"at least {lowest}, got {value!r}"
            )
