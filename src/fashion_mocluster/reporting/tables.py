"""Tables as HTML, by pandas' Styler."""

import pandas as pd
from markupsafe import Markup
from pandas.io.formats.style import Styler


def html_table(
    name: str, table: pd.DataFrame, words: int = 1, classes: pd.DataFrame | None = None
) -> Markup:
    """A table of cells that are text already; the text is escaped.

    Columns without any text are left out, and so is a table without lines.

    Args:
        name: Its id in the page.
        words: How many columns, from the left, hold words: they are aligned left, a cell that
            repeats the one above is empty, and a rule is drawn where the first one changes.
        classes: CSS classes of cells, of the same shape, empty for none.
    """
    table = table.fillna("").reset_index(drop=True)
    filled = [column for column in table if (table[column] != "").any()]
    if not filled:
        return Markup()
    leading = [column for column in table.columns[:words] if column in filled]
    table = table[filled]
    classes = pd.DataFrame("", table.index, filled) if classes is None else classes[filled]
    classes = classes.reset_index(drop=True)
    same = (table[leading] == table[leading].shift()).cummin(axis=1)
    classes[leading] += " words"
    classes.loc[~same.iloc[:, :1].any(axis=1)] += " group"
    shown = table.mask(same.reindex(columns=filled, fill_value=False), "")
    style = Styler(shown, uuid=name, cell_ids=False).hide(axis="index").set_td_classes(classes)
    style.format(escape="html").format_index(escape="html", axis="columns")
    left = [{"selector": f"th.col{i}", "props": "text-align: left"} for i in range(len(leading))]
    return Markup(f'<div class="wide">{style.set_table_styles(left).to_html()}</div>')
