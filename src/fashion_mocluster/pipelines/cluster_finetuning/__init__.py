"""Move a pretrained encoder towards tighter clusters, starting from k-means or spectral clusters."""
