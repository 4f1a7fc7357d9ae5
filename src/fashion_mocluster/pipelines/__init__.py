"""The five pipelines; each folder wires one of them."""
