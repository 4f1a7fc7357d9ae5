"""The notebooks run from top to bottom on what ships and on the results of a run."""

import os
import subprocess
import sys

import pytest

from tests.project_copy import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.xdist_group("project")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_cells_run_in_order(notebook, smoke):
    # IPython comes with Kedro and runs a notebook's cells without a kernel.
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(notebook)],
        cwd=smoke.folder.parents[1],
        env={**os.environ, "KEDRO_ENV": "smoke", "MPLBACKEND": "agg", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stdout
