"""The tab for chats.

What is said is rendered here, on the server (`markdown.py`), and shown by three small scripts (`sidebar.js`, `messages.js`, `composer.js`) in
components of HTML: they get plain values (`*_view.py`) and send back what a person does (`actions.py`, `replying.py`).
"""
