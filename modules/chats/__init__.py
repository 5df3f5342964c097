"""Conversations as people keep them: what was said with its versions, the files beside it, where it is stored.

`conversation.py` has the value and all that changes it; `messages.py` makes of it what the engine reads; `store.py` says what a store
does; `attachments.py` reads files that are given along.
"""
