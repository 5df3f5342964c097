"""Generated conversations: what the tiny chat model is trained on.

`sampling.sample` draws one, `rendering.render` turns it into the text that the network reads. A
conversation follows from the seed alone: every value comes from one random source, in a fixed order,
also where a value is drawn and then not used. Another order of draws gives other conversations, and
tests/tools compares them with those that the bundled model learned from.
"""
