"""Judging texts by examples: which of the categories of a file they are like."""
