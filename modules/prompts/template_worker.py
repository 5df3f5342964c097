"""The program of the process that renders one template of a request; `isolation.py` starts it.

Reads and writes lines of JSON. First comes the text of the template, then, as often as wanted, the names to render it with.
Each is answered with `text`, or with `fault` and `is_refusal`.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from modules.core.process_limits import limit_process
from modules.prompts.sandbox import MAX_TEXT, CompiledTemplate, TemplateFault

MEMORY_BYTES = 512 * 2**20
CPU_SECONDS = 60


def main() -> None:
    limit_process(memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
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


if __name__ == "__main__":
    main()
