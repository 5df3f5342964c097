"""The tab Session: the program itself. Extensions, API, settings, the person at the page, restart."""
