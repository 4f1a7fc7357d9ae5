"""``python -m fashion_mocluster``: the same as ``kedro run``, from a checkout or from a wheel.

From a wheel it is started in a folder that holds ``conf`` (or with ``--conf-source``) and ``data``.
"""

from pathlib import Path

from kedro.framework.cli.project import run
from kedro.framework.project import configure_project


def main() -> None:
    """Run the pipelines as the command line says."""
    package = Path(__file__).parent.name
    configure_project(package)
    run()


if __name__ == "__main__":
    main()
