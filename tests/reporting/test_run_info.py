import json
import os

import torch

from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.reporting.run_info import run_info
from tests.project_copy import project_parameters


def test_record_is_plain_values_even_of_typed_parameters():
    """Kedro hands over groups that a node has typed as objects, the others as dictionaries."""
    plain = project_parameters()
    typed = check_parameters(plain)
    record = run_info({**plain, "moco": typed.moco, "_anchor": 1})
    assert json.loads(json.dumps(record)) == record
    assert record["parameters"]["moco"]["epochs"] == plain["moco"]["epochs"]
    assert "_anchor" not in record["parameters"]
    assert record["seed"] == 0
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert 1 <= record["hardware"]["cores"] <= os.cpu_count()
