"""The thesis's ablation: seven pretrainings that differ by one component each."""
