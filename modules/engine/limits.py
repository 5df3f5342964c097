"""How many models may stay loaded, for how long, and how many requests they take."""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """`memory_bytes`: of all models together, by estimate; `idle_s`: a model that nobody used for so long is unloaded. 0 is no limit.

    `max_queue`: requests that may wait for one model.
    """

    max_models: int = 1
    memory_bytes: int = 0
    idle_s: float = 0.0
    max_queue: int = 256
