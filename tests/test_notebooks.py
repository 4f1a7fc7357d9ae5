"""The notebooks run from top to bottom on what ships and on the results of a run."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.project_copy import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.xdist_group("project")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_cells_run_in_order(notebook, smoke, tmp_path):
    project = smoke.folder.parents[1]
    shutil.copytree(PROJECT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    cells = json.loads(notebook.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    script = tmp_path / f"{notebook.stem}.ipy"
    script.write_text("\n\n".join(code))
    # IPython comes with Kedro, and knows what a notebook may use beyond Python, such as display().
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)],
        cwd=project,
        env={**os.environ, "KEDRO_ENV": "smoke", "MPLBACKEND": "agg", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-2000:]
    assert "Traceback" not in output, output[-2000:]
