import pytest

from fashion_mocluster.errors import InputError
from fashion_mocluster.sweep.plan import Case, parse_case, parse_seeds, plan

EVERYTHING_AS_IT_IS = (Case(),)
FOLDERS = {"smoke": "data/smoke", "photos": "data/photos"}


def planned(envs=("smoke",), seeds=(0,), cases=EVERYTHING_AS_IT_IS, params="", folders=FOLDERS):
    return plan(envs, seeds, cases, params, "results", folders)


def test_every_case_with_every_seed_in_every_environment():
    cases = [Case("plain"), Case("long", "moco.epochs=30")]
    runs = planned(["smoke", "photos"], [0, 7], cases)
    assert len({run.folder for run in runs}) == len(runs) == 8
    assert [run.name for run in runs[:4]] == [
        "smoke/plain/seed_0",
        "smoke/long/seed_0",
        "photos/plain/seed_0",
        "photos/long/seed_0",
    ]
    assert runs[-1].folder == "data/photos/case_long/seed_7"


def test_the_command_of_a_run_names_seed_case_and_parameters():
    (run,) = planned(seeds=[3], cases=[Case("long", "moco.epochs=30")], params="moco.batch_size=8")
    assert run.options == [
        "--env=smoke",
        "--pipelines=results",
        "--params=seed=3,case=long,moco.batch_size=8,moco.epochs=30",
    ]
    (run,) = planned()
    assert run.options[-1] == "--params=seed=0"
    assert run.folder == "data/smoke"


def test_two_environments_with_one_folder_are_refused():
    with pytest.raises(InputError, match="would both write to data/smoke"):
        planned(["smoke", "mine"], folders={**FOLDERS, "mine": "data/smoke"})


def test_what_is_named_twice_is_run_once():
    assert len(planned(["smoke", "smoke"])) == 1


@pytest.mark.parametrize("place", ["params", "case"])
def test_seeds_among_the_parameters_are_refused(place):
    given = (
        {"params": "moco.epochs=1,seed=3"}
        if place == "params"
        else {"cases": [Case("a", "seed=3")]}
    )
    with pytest.raises(InputError, match="give it as --seeds="):
        planned(**given)


def test_seeds_are_numbers_and_ranges():
    assert parse_seeds("10-12,3, 11,0") == [0, 3, 10, 11, 12]


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,,2", "-1", "1.5"])
def test_other_seeds_are_refused(text):
    with pytest.raises(InputError, match="--seeds="):
        parse_seeds(text)


def test_a_case_is_a_name_and_what_it_changes():
    assert parse_case("long:data.path=a:b,moco.epochs=3") == Case(
        "long", "data.path=a:b,moco.epochs=3"
    )
    assert parse_case("plain") == Case("plain")


@pytest.mark.parametrize("text", ["", ":moco.epochs=3", "moco.epochs=3", "../x", "Long"])
def test_a_case_without_a_name_is_refused(text):
    with pytest.raises(InputError, match="begin with a name"):
        parse_case(text)
