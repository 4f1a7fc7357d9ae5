"""Kedro's settings of this project."""

import os
import sys

from fashion_mocluster import session
from fashion_mocluster.console import print_error
from fashion_mocluster.context import ProjectContext
from fashion_mocluster.hooks import (
    MemoryHook,
    ProvenanceHook,
    RunLockHook,
    SummaryHook,
    ThreadsHook,
)

# Threads that wait for each other spin for microseconds, then sleep. By default they spin so long
# that any other program on a core makes training several times slower. Read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

sys.excepthook = print_error

HOOKS = (SummaryHook(), RunLockHook(), ProvenanceHook(), ThreadsHook(), MemoryHook())
CONTEXT_CLASS = ProjectContext
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment holds only what it changes.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {
        "parameter": session.parameter,
        "seed_folder": session.seed_folder,
        "full_path": session.full_path,
        "results_folder": lambda: session.current().folder,
        "project_path": lambda: str(session.current().project_path),
    },
}
