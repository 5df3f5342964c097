# pyright: basic
"""ONNX graphs of voices, opened for the processor."""

from pathlib import Path

import onnxruntime

from modules.core.errors import LoadError
from modules.loaders.machine import usable_cores

_ERRORS_ONLY = 3


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """LoadError where the file is no graph that can run here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = _ERRORS_ONLY
    # Threads that wait by spinning take the cores from the text model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library's own tree of errors is not exported
        raise LoadError(
            f"{path.name} is not an ONNX graph that can run here: {_first_line(error)}"
        ) from error


def check_inputs(session: onnxruntime.InferenceSession, needed: set[str], kind: str) -> None:
    """LoadError says what a graph of another kind has instead."""
    found = {each.name for each in session.get_inputs()}
    if not needed <= found:
        raise LoadError(
            f"The graph is not a {kind} voice: it takes {', '.join(sorted(found)) or 'nothing'}, "
            f"and {', '.join(sorted(needed))} are needed."
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
