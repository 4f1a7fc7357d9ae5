"""``python -m fashion_mocluster``: the same as ``kedro run`` in the project folder."""

from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.startup import bootstrap_project


def main() -> None:
    """Run the pipelines as the command line says."""
    project = bootstrap_project(Path(__file__).resolve().parents[2])
    find_run_command(project.package_name)()


if __name__ == "__main__":
    main()
