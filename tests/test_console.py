import logging

from kedro.io import DatasetError

from fashion_mocluster import console
from fashion_mocluster.errors import InputError


def shown(capsys, error):
    """What is printed of an error that ends the program."""
    try:
        raise error
    except Exception as raised:
        console.print_error(type(raised), raised, raised.__traceback__)
    return capsys.readouterr().err


def test_errors_raised_on_purpose_are_one_line(capsys):
    assert shown(capsys, InputError("n_clusters is 9")) == "\nInputError: n_clusters is 9\n"
    assert shown(capsys, DatasetError("a.csv: no such file")).count("\n") == 2
    error = DatasetError("Failed while loading data")
    error.__cause__ = InputError("a.csv, line 2: 999 is outside 0 to 255")
    assert shown(capsys, error) == "\nInputError: a.csv, line 2: 999 is outside 0 to 255\n"


def test_a_bug_shows_its_traceback_wherever_it_is(capsys):
    def in_this_package():
        return prepare_bug({}, "typo")

    def prepare_bug(table, key):
        return table[key]

    in_this_package.__code__ = in_this_package.__code__.replace(co_filename=console.__file__)
    try:
        in_this_package()
    except KeyError as error:
        console.print_error(KeyError, error, error.__traceback__)
        assert "Traceback (most recent call last)" in capsys.readouterr().err
        wrapped = DatasetError("Failed while loading data")
        wrapped.__cause__ = error
    assert "Traceback" in shown(capsys, wrapped)


def test_where_nothing_is_done_there_is_nothing_to_resume():
    def record(text):
        return logging.LogRecord("kedro.runner", logging.WARNING, "", 0, text, None, None)

    assert not console.is_news(record("No nodes ran. Repeat the previous command ..."))
    assert console.is_news(record("There are 3 nodes that have not run."))
