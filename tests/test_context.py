import pytest

from fashion_mocluster.context import refuse_cut_values
from fashion_mocluster.parameters import ParameterError


@pytest.mark.parametrize(
    "argument",
    [
        "--params=data.path=/p/x #1",
        "--params=seed=1,data.path=/p/x #1",
        "--params=a=b #,seed=1",
        "--params=data.path=007",
        "--params=data.path=2024_01",
    ],
)
def test_values_that_yaml_would_cut_are_refused(argument):
    with pytest.raises(ParameterError, match="put the value in quotes"):
        refuse_cut_values(["kedro", "run", argument])


@pytest.mark.parametrize(
    "argument",
    [
        '--params=data.path="/p/x #1"',
        "--params=data.path='/p/x #1',seed=1",
        "--params=data.path=/p/x#1",
        "--params=data.path=2024,seed=1",
        "--params=data.path=2024-01-05",
        "--params=data.path='007'",
        "--params=seed=007",
        "--env=photos #1",
    ],
)
def test_other_values_are_not(argument):
    refuse_cut_values(["kedro", "run", argument])
