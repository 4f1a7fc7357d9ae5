"""Means and standard deviations over seeds, and how numbers are printed."""

import math

import pandas as pd


def over_seeds(lines: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Mean, standard deviation (n - 1; NaN for a single seed) and number of seeds of lines that agree in
    the columns ``keys``.

    Indexed by ``keys`` in order of first appearance, columns (score, mean | std | count), of every
    numeric column.
    """
    scores = [c for c in lines.select_dtypes("number") if c not in keys]
    return lines.groupby(keys, sort=False, dropna=False)[scores].agg(["mean", "std", "count"])


def printed_means(means: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """What :func:`over_seeds` found as text, ``0.583 ± 0.006``, and the number of ``seeds``.

    In parentheses is the number of seeds that have a score where others lack it, for instance
    because their clustering collapsed.

    Args:
        titles: The columns of the result by score; scores that are not there are left out.
    """
    seeds = means.xs("count", axis=1, level=1).max(axis=1).astype(int)
    cells = {
        title: [
            format_mean_std(mean, std) + (f" ({int(count)})" if 0 < count < all_seeds else "")
            for (mean, std, count), all_seeds in zip(means[score].to_numpy(), seeds, strict=True)
        ]
        for score, title in titles.items()
        if score in means
    }
    return pd.DataFrame(cells, index=means.index, dtype=object).assign(seeds=seeds.astype(str))


def format_number(value: float | None, digits: int = 3) -> str:
    """``0.583`` or ``18,619.7``; empty for NaN and None."""
    return "" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def format_mean_std(mean: float, std: float) -> str:
    """``0.583 ± 0.006``; a single seed has no spread."""
    return " ± ".join(filter(None, map(format_number, (mean, std))))
