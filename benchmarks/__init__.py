"""Measures Hearth against other servers on this machine; see README.md beside this file."""
