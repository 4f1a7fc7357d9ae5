"""Figures and tables (matplotlib, pandas)."""
