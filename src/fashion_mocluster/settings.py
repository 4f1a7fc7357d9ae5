"""Kedro's settings of this project."""

from fashion_mocluster.config import ProjectConfigLoader
from fashion_mocluster.hooks import MemoryHints, OneRunAtATime, ParametersFirst

HOOKS = (ParametersFirst(), OneRunAtATime(), MemoryHints())
CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment holds only what it changes.
    "merge_strategy": {"parameters": "soft"},
}
