"""Kedro's settings of this project."""

import os

from fashion_mocluster.config import ProjectConfigLoader
from fashion_mocluster.hooks import MemoryHints, RunLockHook, ValidateParametersHook

# Threads that wait for each other spin for microseconds, then sleep. By default they spin so long
# that any other program on a core makes training several times slower. Read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

HOOKS = (ValidateParametersHook(), RunLockHook(), MemoryHints())
CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment holds only what it changes.
    "merge_strategy": {"parameters": "soft"},
}
