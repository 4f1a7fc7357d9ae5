"""Every command and every block of parameters in the READMEs works.

The blocks of shell commands are run by bash in a copy of the project, in which ``kedro``, ``make``
and the like only write down how they were called. What was called is then exercised as
``EXERCISES`` says; a command without an entry there fails.
"""

import os
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import yaml
from kedro.framework.cli.utils import _split_params
from kedro.framework.project import pipelines
from PIL import Image

from fashion_mocluster.provenance import leaves
from tests.project_copy import PROJECT, copy_project, run, session

pytestmark = pytest.mark.xdist_group("readmes")

FOLDERS = (".", "conf", "data", "tests", "notebooks")
READMES = [path for name in FOLDERS if (path := PROJECT / name / "README.md").exists()]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:kedro|make) [^`]+)`")
# A file that a block of YAML is the content of, named in its first line.
NAMED = re.compile(r"# (conf/\w+/\w+\.yml)")
RECORDED = ("kedro", "make", "python", "pip", "pytest", "jupyter")
RECORDER = """#!/bin/bash
{ printf '%q ' "${0##*/}" "$@"; echo; } >> "$RECORD"
"""

# How each command is exercised, by a pattern of the whole command, and why so.
EXERCISES = {
    r"kedro run --help": ("elsewhere", "tests/benchmarks/test_benchmarks.py runs it"),
    r"kedro run( .*)?": ("run", "built here; environments that the READMEs write are run too"),
    r"kedro (viz|registry list)( .*)?": ("elsewhere", "tests/test_project.py runs it"),
    r"kedro sweep( .*)?": ("elsewhere", "tests/sweep runs it"),
    r"kedro airflow( .*)?": ("elsewhere", "tests/test_airflow.py runs it"),
    r"make (run|photos|test|test-fast|stress|bench|lint|viz|install|clean)( \w+=\S+)*": (
        *("make", "its recipe is expanded here; what the recipe runs has tests of its own"),
    ),
    r"pip install .*": ("elsewhere", "installs packages, which .ci/run does"),
    r"jupyter .*": ("elsewhere", "tests/test_notebooks.py runs the cells"),
    r"python -m tests\.(benchmarks|stress).*": (
        *(
            "elsewhere",
            "tests/benchmarks/test_benchmarks.py and tests/stress/test_stress.py run it",
        ),
    ),
    r"pytest .*": ("elsewhere", "this test is run by it"),
}


def blocks(path, *languages):
    """Content of the fenced blocks of these languages."""
    return [body for language, body in BLOCK.findall(path.read_text()) if language in languages]


@pytest.fixture(scope="module")
def readme_project(tmp_path_factory):
    """A copy of the project with a few pictures where the READMEs say that one's own are."""
    project = copy_project(tmp_path_factory.mktemp("readmes"))
    shutil.copy(PROJECT / "Makefile", project)
    for name in RECORDED:
        recorder = project / ".venv" / "bin" / name
        recorder.parent.mkdir(parents=True, exist_ok=True)
        recorder.write_text(RECORDER)
        recorder.chmod(0o755)
    (project / ".venv" / "bin" / "activate").touch()
    rng = np.random.default_rng(0)
    for name in ("photos", "new_photos"):
        (project / name).mkdir()
        for i in range(60):
            pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(project / name / f"{i:02}.png")
    return project


@pytest.fixture(scope="module")
def commands(readme_project):
    """All commands of the READMEs as lists of words, in order; files that they write are written."""
    record = readme_project / "commands.txt"
    path = f"{readme_project / '.venv' / 'bin'}:/usr/bin:/bin"
    for readme in READMES:
        for body in blocks(readme, "yaml", "yml"):
            if named := NAMED.match(body):
                file = readme_project / named[1]
                file.parent.mkdir(exist_ok=True)
                file.write_text(body.replace("/home/me", str(readme_project)))
        # In prose, a command with a placeholder only says which form commands have.
        prose = [c.replace("\n", " ") for c in INLINE.findall(readme.read_text())]
        prose = [c for c in prose if not re.search(r"<|\.\.\.", c)]
        for body in [*blocks(readme, "bash", "sh", "console"), *prose]:
            body = re.sub(r"(?<!<)<\w[^<>\n]*>", "placeholder", body)
            done = subprocess.run(
                [
                    "/bin/bash",
                    "-euo",
                    "pipefail",
                    "-c",
                    body.replace("/home/me", str(readme_project)),
                ],
                cwd=readme_project,
                env={**os.environ, "PATH": path, "RECORD": str(record)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{readme}:\n{body}\n{done.stderr}"
    return [shlex.split(line) for line in dict.fromkeys(record.read_text().splitlines())]


def how(command):
    """The entry of a command in the table, or None."""
    line = " ".join(command)
    return next(
        (how for pattern, (how, _) in EXERCISES.items() if re.fullmatch(pattern, line)), None
    )


def test_every_command_has_an_entry(commands):
    assert len(commands) >= 5
    assert [" ".join(command) for command in commands if how(command) is None] == []


def test_every_make_target_can_be_expanded_and_is_exercised(commands):
    makefile = (PROJECT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    assert [target for target in targets if how(["make", target]) is None] == []
    for command in [["make", target] for target in targets] + [
        *(command for command in commands if how(command) == "make"),
        ["make", "bench", "SMALL=1", "ONLY=turtle", "IDX=folder"],
    ]:
        done = subprocess.run(
            ["/usr/bin/make", "-n", *command[1:]], cwd=PROJECT, capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stderr)
    assert "--small --only turtle folder" in done.stdout


def parsed(command):
    """Environment, pipelines and parameters of a ``kedro run``."""
    words = [word.removeprefix("--").partition("=") for word in command[2:]]
    options = {name: value for name, _, value in words}
    known = {"env", "pipeline", "pipelines", "params", "only-missing-outputs"}
    assert options.keys() <= known, command
    names = options.get("pipelines") or options.get("pipeline")
    params = _split_params(None, None, options["params"]) if "params" in options else {}
    return options.get("env"), names.split(",") if names else None, leaves(params)


def parameters_of(project, env, params):
    """All parameters of a run, as plain mappings."""
    with session(project, env, params) as kedro_session:
        return kedro_session.load_context().config_loader["parameters"]


def tiny(project, env, params):
    """Parameters by which a run of this environment takes seconds: few images, one epoch, one method."""
    p = parameters_of(project, env, params)
    changes = {"data.limit": 100, "moco.epochs": 1, "moco.batch_size": 48}
    changes["moco.encoder.widths"] = [4, 8, 16]
    if "queue_size" in p["moco"]["contrast"]:
        changes["moco.contrast.queue_size"] = 100
    changes["finetuning.self_labeling.neighbor_agreement_threshold"] = 0
    for name in p["finetuning"]:
        changes |= {f"finetuning.{name}.epochs": 1, f"finetuning.{name}.n_init": 1}
    evaluation = p["evaluation"]
    chosen = set(evaluation["run_methods"])
    if len(chosen) > 2:
        chosen = {p["predict"]["method"]} & chosen or {sorted(chosen)[0]}
        changes["evaluation.run_methods"] = sorted(chosen)
    for name in chosen:
        if evaluation["methods"][name]["clusterer"]["kind"] == "turtle":
            changes[f"evaluation.methods.{name}.clusterer.n_init"] = 1
    return {**changes, **params}


@pytest.mark.slow
def test_runs_of_environments_that_the_readmes_write_work_in_a_small_form(commands, readme_project):
    """In the order of the READMEs, as later commands read what earlier ones wrote. The environments
    that ship are run by tests/test_project.py.
    """
    for command in (command for command in commands if how(command) == "run"):
        env, names, params = parsed(command)
        if env is None or (PROJECT / "conf" / env).exists():
            continue
        try:
            run(readme_project, env=env, pipelines=names, params=tiny(readme_project, env, params))
        except Exception as error:
            error.add_note(f"in: {' '.join(command)}")
            raise


@pytest.mark.slow
def test_every_run_is_complete_as_it_stands(commands, readme_project):
    """With the parameters that the READMEs give: the pipelines are built, and the catalog holds all that
    they read. Of commands that differ in the values alone the first is enough.
    """
    runs = [parsed(command) for command in commands if how(command) == "run"]
    different = {(env, *(names or ()), *sorted(p)): (env, names, p) for env, names, p in runs[::-1]}
    for env, names, params in different.values():
        with session(readme_project, env, params) as kedro_session:
            catalog = kedro_session.load_context().catalog
            for name in names or ["__default__"]:
                free = {n for n in pipelines[name].inputs() if n not in catalog}
                assert free == set(), (env, params, name)


@pytest.mark.slow
def test_every_block_of_parameters_is_valid(readme_project):
    """Those that name no file, as the parameters of an environment of their own."""
    count = 0
    for readme in READMES:
        for body in blocks(readme, "yaml", "yml"):
            if NAMED.match(body):
                continue
            count += 1
            folder = readme_project / "conf" / f"block_{count}"
            folder.mkdir()
            (folder / "globals.yml").write_text(f"folder: data/block_{count}\n")
            (folder / "parameters.yml").write_text(body)
            assert isinstance(yaml.safe_load(body), dict), body
            with session(readme_project, folder.name) as kedro_session:
                kedro_session.load_context()
                assert pipelines["__default__"].nodes
