"""Imports what runs need, which takes longer than a small run, in the process that runs are forks of."""

import importlib
import pkgutil

import torch._dynamo  # noqa: F401  imported by the first optimizer that is made

import fashion_mocluster

for module in pkgutil.walk_packages(fashion_mocluster.__path__, "fashion_mocluster."):
    importlib.import_module(module.name)
