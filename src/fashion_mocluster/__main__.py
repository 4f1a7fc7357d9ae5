"""``python -m fashion_mocluster``: the same as ``kedro run``, from a checkout or from a wheel.

From a wheel it is started in a folder that holds ``conf`` (or with ``--conf-source``) and ``data``.
"""

from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main() -> None:
    """Run the pipelines as the command line says."""
    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)()


if __name__ == "__main__":
    main()
