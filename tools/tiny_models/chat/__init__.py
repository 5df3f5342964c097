"""The tiny chat model: generated conversations, a tokenizer, training, GGUF, a held-out test.

`build.py` runs all steps in order. Nothing is downloaded.
"""
