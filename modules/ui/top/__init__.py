"""The line above the tabs."""
