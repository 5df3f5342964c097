"""The tab Model: options, load and unload, templates, adapters, downloads."""
