"""Models that another server with OpenAI's API serves."""
