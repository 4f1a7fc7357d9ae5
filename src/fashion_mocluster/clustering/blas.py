"""Threads of matrix products."""

from threadpoolctl import threadpool_info


def blas_threads() -> int:
    """Threads that a matrix product may use here."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in pools), default=1)
