"""The tab Notebook: plain text that the model goes on with, in one box or in two."""
