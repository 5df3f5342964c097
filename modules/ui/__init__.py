"""The web UI: Gradio Blocks, one file per tab. It talks to the context only, never to the API's code.

`page.py` puts the page together, `shell.py` is what every tab gets, `session.py` what one open page remembers, `profile.py` what is
kept on the disk. Gradio is imported by the files of this package only, and this package late: a start with --nowebui never sees it.
"""
