"""From what a face asks for to a running reply, hooks included.

`ChatRequest` and `TextRequest` (modules/core/asked.py) are what is asked. `plan_chat` and `plan_text` make the prompt and all that the
engine needs; they block, so they run in a worker thread (`in_thread`). `start` lets the plan in and gives the stream of events.
"""
