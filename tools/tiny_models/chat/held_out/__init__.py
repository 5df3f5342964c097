"""The held-out test set: own words, own tools, own wording, never seen in training."""
