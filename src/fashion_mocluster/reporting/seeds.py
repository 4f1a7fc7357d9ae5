"""Means and standard deviations over the seeds of a protocol."""

import math

import pandas as pd


def over_seeds(tables: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Mean, standard deviation (n - 1; NaN for a single seed) and number of seeds.

    Args:
        tables: One table a seed; rows that belong together agree in ``keys``.
        keys: The columns that name a row.

    Returns:
        Indexed by ``keys`` in order of first appearance, columns (score, mean | std | count), of
        every numeric column.
    """
    rows = pd.concat(tables, ignore_index=True)
    scores = [c for c in rows.select_dtypes("number") if c not in keys]
    grouped = rows.groupby(keys, sort=False, dropna=False)[scores]
    return grouped.agg(["mean", "std", "count"])


def differences(
    tables: list[pd.DataFrame], key: str, row: str, reference: str, scores: list[str]
) -> pd.DataFrame:
    """Scores of one row less those of another, one line per seed that has both.

    Args:
        key: The column of which ``row`` and ``reference`` are values.
    """
    paired = []
    for table in tables:
        indexed = table.set_index(key)[scores]
        if row in indexed.index and reference in indexed.index:
            paired.append(indexed.loc[row] - indexed.loc[reference])
    return pd.DataFrame(paired, columns=scores).reset_index(drop=True)


def short(value: float, digits: int = 3) -> str:
    """``.583``: no zero before the point; empty for NaN."""
    if value is None or math.isnan(value):
        return ""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def long(value: float, digits: int) -> str:
    """``18,619.7``: seconds and megabytes; empty for NaN and None."""
    return "" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def format_p(p: float) -> str:
    """``p = .03`` or ``p < .01``; empty for NaN."""
    if math.isnan(p):
        return ""
    return "p < .01" if p < 0.01 else f"p = {short(p, 2)}"


def format_mean_std(mean: float, std: float, digits: int = 3) -> str:
    """``.583 ± .006``; a single seed has no spread."""
    if math.isnan(std):
        return short(mean, digits)
    return f"{short(mean, digits)} ± {short(std, digits)}"
