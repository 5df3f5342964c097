"""Models of sentence-transformers: embedders and cross-encoders, from a folder or from the Hugging Face hub."""
