"""The tiny models of the repository and how they were made; see README.md."""
