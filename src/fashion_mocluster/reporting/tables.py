"""Tables as HTML, by pandas' Styler."""

from collections.abc import Collection

import pandas as pd
from markupsafe import Markup
from pandas.io.formats.style import Styler


def html_table(
    name: str,
    frame: pd.DataFrame,
    words: Collection[str] = (),
    marks: pd.DataFrame | None = None,
    groups: Collection[int] = (),
) -> Markup:
    """A table of cells that are text already; the text is escaped. Empty for an empty frame.

    Args:
        name: Its id in the page.
        words: Columns to be aligned left and broken into lines; the others hold numbers.
        marks: CSS classes of cells, of the same shape, empty for none.
        groups: Places of the lines above which a rule is drawn.
    """
    if frame.empty:
        return Markup()
    frame = frame.reset_index(drop=True)
    classes = pd.DataFrame("", index=frame.index, columns=frame.columns)
    if marks is not None:
        classes = classes + marks.reset_index(drop=True).set_axis(frame.columns, axis=1)
    for column in words:
        classes[column] += " words"
    classes.loc[list(groups)] += " group"
    style = Styler(frame, uuid=name, cell_ids=False).hide(axis="index").set_td_classes(classes)
    style.format(escape="html", na_rep="").format_index(escape="html", axis="columns")
    left = [f"th.col{frame.columns.get_loc(column)}" for column in words]
    style.set_table_styles([{"selector": th, "props": "text-align: left"} for th in left])
    return Markup(f'<div class="wide">{style.to_html()}</div>')


def hide_repeated(lines: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, list[int]]:
    """``columns`` emptied where they repeat the line above, and where a new group begins."""
    repeats = (lines[columns] == lines[columns].shift()).all(axis=1)
    shown = lines.copy()
    shown.loc[repeats, columns] = ""
    return shown, [place for place, repeated in enumerate(repeats) if not repeated]
