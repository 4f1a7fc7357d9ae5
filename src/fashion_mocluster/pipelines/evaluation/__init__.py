"""Cluster every representation in every way the parameters name, and compare."""
