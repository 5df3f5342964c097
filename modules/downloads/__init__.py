"""Models from a hub that speaks Hugging Face's protocol: choosing files, fetching them piece by piece, checking them, putting them in place."""
