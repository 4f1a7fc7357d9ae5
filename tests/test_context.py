import pytest
from kedro.framework.cli.utils import _split_params

from fashion_mocluster.context import refuse_misread
from fashion_mocluster.parameters import ParameterError

FORMS = pytest.mark.parametrize("form", [["--params={}"], ["--params", "{}"]])


def check(form, params):
    """What a session does with ``--params``, as one word of the command line or as two."""
    arguments = ["kedro", "run", "--env=photos #1", *(word.format(params) for word in form)]
    refuse_misread(arguments, given=_split_params(None, None, params))


@FORMS
@pytest.mark.parametrize(
    "params",
    [
        "data.path=/p/x #1",
        "seed=1,data.path=/p/x #1",
        "a=b #,seed=1",
        "data.path=007",
        "data.path=2024_01",
        'data.path="007" #x',
    ],
)
def test_values_that_yaml_would_cut_are_refused(form, params):
    with pytest.raises(ParameterError, match="would be read as .*; put the value in quotes"):
        check(form, params)


@FORMS
@pytest.mark.parametrize(
    "params",
    [
        'data.path="/p/x #1"',
        "data.path='/p/x #1',seed=1",
        "data.path=/p/x#1",
        'evaluation.run_methods=["a #b"]',
        "data.path=2024,seed=1",
        "data.path=2024-01-05",
        "data.path='007'",
        "seed=007",
    ],
)
def test_other_values_are_not(form, params):
    check(form, params)
