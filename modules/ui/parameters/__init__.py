"""The tab Parameters: samplers, presets, grammar."""
