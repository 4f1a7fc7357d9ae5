"""Means and standard deviations over the seeds of a protocol, and how numbers are printed."""

import math

import pandas as pd


def over_seeds(tables: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Mean, standard deviation (n - 1; NaN for a single seed) and number of seeds.

    Args:
        tables: One table a seed; lines that belong together agree in ``keys``.
        keys: The columns that name a line.

    Returns:
        Indexed by ``keys`` in order of first appearance, columns (score, mean | std | count), of
        every numeric column.
    """
    lines = pd.concat(tables, ignore_index=True)
    scores = [c for c in lines.select_dtypes("number") if c not in keys]
    grouped = lines.groupby(keys, sort=False, dropna=False)[scores]
    return grouped.agg(["mean", "std", "count"])


def differences(
    tables: list[pd.DataFrame], key: str, one: str, reference: str, scores: list[str]
) -> pd.DataFrame:
    """Scores of one line less those of another, for each seed that has both.

    Args:
        key: The column of which ``one`` and ``reference`` are values.
    """
    paired = []
    for table in tables:
        indexed = table.set_index(key)[scores]
        if one in indexed.index and reference in indexed.index:
            paired.append(indexed.loc[one] - indexed.loc[reference])
    return pd.DataFrame(paired, columns=scores).reset_index(drop=True)


def format_metric(value: float | None, digits: int = 3) -> str:
    """``0.583``; empty for NaN and None."""
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def format_large(value: float | None, digits: int) -> str:
    """``18,619.7``: seconds and megabytes; empty for NaN and None."""
    return "" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def format_p(p: float) -> str:
    """``p = 0.03`` or ``p < 0.01``; empty for NaN."""
    if math.isnan(p):
        return ""
    return "p < 0.01" if p < 0.01 else f"p = {p:.2f}"


def format_mean_std(mean: float, std: float, digits: int = 3) -> str:
    """``0.583 ± 0.006``; a single seed has no spread."""
    spread = format_metric(std, digits)
    return format_metric(mean, digits) + (f" ± {spread}" if spread else "")
