# pyright: basic
"""How many threads torch computes with, for one thread of ours."""

import threading

import torch

from modules.loaders.machine import usable_cores


def leave_a_core() -> None:
    """For the thread that calls this: one less than the cores, as llama.cpp has it here, so that the server itself is never waited for.

    torch keeps the number for each thread once that has computed, and one for threads to come. The latter is put back, from another
    thread, since other models have needs of their own.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(min(usual, max(1, usable_cores() - 1)))
    restoring = threading.Thread(target=torch.set_num_threads, args=(usual,))
    restoring.start()
    restoring.join()
