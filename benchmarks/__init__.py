"""`make bench`: what the service costs, as ratios against a baseline measured in the same run."""
