"""Scripts beside the server: they make the files that the repository carries."""
