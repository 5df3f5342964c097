"""How good a model is: the held-out test, a check while developing, a few questions to look at."""
