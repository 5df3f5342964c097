"""The tab Monitor: what the program does now, in counts only."""
