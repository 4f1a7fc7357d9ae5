"""The direction of imports that the README's picture of the architecture shows."""

import ast

import pytest

from tests.project_copy import PROJECT

SOURCE = PROJECT / "src/fashion_mocluster"
LAYERS = {"learning", "clustering", "reporting", "datasets", "pipelines"}


def imported(file, *, at_module_level=False):
    """Full names of what a file imports."""
    tree = ast.parse(file.read_text())
    for node in tree.body if at_module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("layer", ["learning", "clustering", "reporting", "datasets"])
def test_a_layer_knows_no_other_and_only_datasets_know_kedro(layer):
    others = {f"fashion_mocluster.{other}" for other in LAYERS - {layer}}
    others |= set() if layer == "datasets" else {"kedro", "kedro_datasets"}
    files = sorted((SOURCE / layer).glob("**/*.py"))
    assert len(files) > 10
    for file in files:
        found = {name for name in imported(file) for o in others if f"{name}.".startswith(f"{o}.")}
        assert not found, f"{file} imports {found}"


def test_pipelines_can_be_listed_without_torch():
    for file in SOURCE.glob("pipelines/**/*.py"):
        assert "torch" not in {n.split(".")[0] for n in imported(file, at_module_level=True)}, file
