import pandas as pd

from fashion_mocluster.reporting.tables import html_table
from tests.reporting.runs import Page


def cells(markup):
    """The class and the text of every cell, line by line."""
    found = [line.strip() for line in markup.splitlines() if line.strip().startswith("<td")]
    own = [c.partition('class="')[2].partition('"')[0].split()[3:] for c in found]
    return [(c.partition(">")[2].removesuffix("</td>"), o) for c, o in zip(found, own, strict=True)]


def test_text_is_escaped_in_cells_and_header():
    markup = html_table("t", pd.DataFrame({"<i>": ["<b>&"]}))
    assert Page(markup).text == "<i> <b>&"
    assert "<b>" not in markup


def test_leading_words_are_shown_once_and_classes_are_those_of_their_cells():
    table = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "u", "u"], "n": ["1", "1", "3"]})
    classes = pd.DataFrame({"a": "", "b": "", "n": ["", "", "best"]}, index=[7, 3, 5])
    assert cells(html_table("t", table, 2, classes)) == [
        *(("x", ["words", "group"]), ("u", ["words", "group"]), ("1", ["group"])),
        *(("", ["words"]), ("", ["words"]), ("1", [])),
        *(("y", ["words", "group"]), ("u", ["words", "group"]), ("3", ["best", "group"])),
    ]


def test_empty_columns_and_tables_are_left_out():
    table = pd.DataFrame({"a": ["x"], "nothing": [""], "none": [None], "n": ["1"]})
    assert Page(html_table("t", table, 2)).text == "a n x 1"
    assert html_table("t", table[["nothing", "none"]], 1) == ""
    assert html_table("t", pd.DataFrame(), 3) == ""
