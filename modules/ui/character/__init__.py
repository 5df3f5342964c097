"""The tab Character: who is talked to, and who talks."""
