import pandas as pd

from fashion_mocluster.reporting.tables import hide_repeated, html_table
from tests.reporting.runs import Page


def test_text_is_escaped_in_cells_and_header():
    markup = html_table("t", pd.DataFrame({"<i>": ["<b>&"]}))
    assert Page(markup).lines == [["<i>"], ["<b>&"]]
    assert "<b>" not in markup


def test_classes_are_those_of_the_cells():
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]}, index=[7, 3])
    marks = pd.DataFrame({"a": ["", ""], "b": ["", "best"]}, index=[7, 3])
    markup = html_table("t", frame, ["a"], marks, groups=[1])
    cells = [line.strip() for line in markup.splitlines() if line.strip().startswith("<td")]
    classes = [cell.partition('class="')[2].partition('"')[0].split()[3:] for cell in cells]
    assert classes == [["words"], [], ["words", "group"], ["best", "group"]]


def test_an_empty_table_is_nothing():
    assert html_table("t", pd.DataFrame(), ["not there"]) == ""


def test_repeated_cells_are_shown_once():
    frame = pd.DataFrame({"a": ["x", "x", "y", "x"], "b": [1, 2, 3, 4]})
    shown, groups = hide_repeated(frame, ["a"])
    assert shown["a"].tolist() == ["x", "", "y", "x"]
    assert groups == [0, 2, 3]
