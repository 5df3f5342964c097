"""Whether a grammar that a person writes is right."""

import asyncio

from modules.core.errors import AppError
from modules.engine.manager import ModelManager
from modules.replies.constraints import grammar_constraint


async def fault_in(text: str, models: ModelManager) -> str:
    """Why it cannot be compiled, by the model that answers where there is one; empty where it can."""
    try:
        constraint = await asyncio.to_thread(grammar_constraint, text, "grammar")
        model = models.current
        if model is not None and not model.info.renders_itself:
            async with models.lease(model.name) as kept:  # it may be unloaded meanwhile
                await asyncio.to_thread(kept.engine.check_grammar, constraint.grammar)
    except AppError as error:
        return error.message
    return ""
