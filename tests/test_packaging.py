"""The project as a wheel, and as a checkout that is not installed."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.project_copy import PROJECT, copy_project

SMOKE = ("--env=smoke", "--pipelines=data_processing")


def run(command, folder, python_path):
    """Run ``python <command>`` in a folder; its output, both streams."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(python_path), "DO_NOT_TRACK": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_sources(folder):
    """What the recipe of the container copies."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for line in (PROJECT / "conf/Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            *sources, target = line.split()[1:]
            for source in map(PROJECT.joinpath, sources):
                if source.is_dir():
                    shutil.copytree(source, folder / target, ignore=ignore)
                else:
                    shutil.copy(source, folder / target)


@pytest.mark.slow
def test_the_wheel_runs_beside_a_conf_folder(tmp_path):
    source, site, elsewhere = tmp_path / "source", tmp_path / "site", tmp_path / "elsewhere"
    for folder in (source, elsewhere):
        folder.mkdir()
    copy_sources(source)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    run((*pip, "wheel", ".", "--no-deps", f"--wheel-dir={tmp_path}"), source, "")
    (wheel,) = tmp_path.glob("*.whl")
    run((*pip, "install", "--no-deps", f"--target={site}", str(wheel)), tmp_path, "")
    for name in ("conf", "data"):
        shutil.move(source / name, elsewhere / name)
    output = run(("-m", "fashion_mocluster", *SMOKE), elsewhere, site)
    assert "completed successfully" in output
    assert (elsewhere / "data/smoke/02_intermediate/images.npy").exists()
    code = "import fashion_mocluster; print(fashion_mocluster.__file__)"
    assert str(site) in run(("-c", code), elsewhere, site)


@pytest.mark.slow
def test_a_checkout_that_is_not_installed_runs(tmp_path):
    """Kedro itself puts ``src`` on the path; no metadata of the package is there."""
    copy_project(tmp_path)
    block = tmp_path / "block"
    block.mkdir()
    (block / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n"
        "original = m.version\n"
        "def version(name):\n"
        "    if name.replace('_', '-') == 'fashion-mocluster':\n"
        "        raise m.PackageNotFoundError(name)\n"
        "    return original(name)\n"
        "m.version = version\n"
    )
    nodes = "--to-nodes=evaluation.describe_run"
    arguments = ("run", "--env=smoke", "--pipelines=evaluation", nodes)
    output = run(("-m", "kedro", *arguments), tmp_path, block)
    assert "completed successfully" in output
    assert (tmp_path / "data/smoke/08_reporting/run_info.json").exists()
