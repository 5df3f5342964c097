"""The program of the process that renders one template of a request; `isolation.py` starts it.

Reads and writes lines of JSON. First comes the text of the template, then, as often as wanted, the names to render it with.
Each is answered with `text`, or with `fault` and `is_refusal`.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from modules.prompts.sandbox import MAX_TEXT, CompiledTemplate, TemplateFault

MEMORY_BYTES = 512 * 2**20
CPU_SECONDS = 60


def main() -> None:
    _limit_resources()
    template: CompiledTemplate | None = None
    for line in sys.stdin.buffer:
        question = json.loads(line)
        try:
            if template is None:
                template = CompiledTemplate(question)
                _answer({"text": ""})
            else:
                _answer({"text": _bounded(template.render(question))})
        except TemplateFault as fault:
            _answer({"fault": str(fault), "is_refusal": fault.is_refusal})


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise TemplateFault("it writes too much")
    return text


def _answer(answer: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def _limit_resources() -> None:
    """Memory, and time of the processor; besides, no files are written and no processes started. Windows has none of these limits."""
    try:
        import resource
    except ImportError:
        return
    limits = {
        "RLIMIT_AS": MEMORY_BYTES,
        "RLIMIT_CPU": CPU_SECONDS,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,
    }
    for name, limit in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, most = resource.getrlimit(kind)
        if most == resource.RLIM_INFINITY or limit < most:
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main()
