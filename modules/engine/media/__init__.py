"""Models that do not write text: each kind in a pool, each loaded model with a thread of its own."""
