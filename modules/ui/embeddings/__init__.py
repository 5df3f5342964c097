"""The tab Embeddings: how alike lines are, as pictures."""
