"""Compiled templates, those that were used last: what is asked again with the same text is compiled and probed once."""

import threading

from modules.prompts.templates import ChatTemplate


class KeptTemplates:
    """Threads may share this."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._templates: dict[tuple[str, str, str, str], ChatTemplate] = {}
        self._lock = threading.Lock()

    def get(
        self, text: str, source: str, bos_text: str, eos_text: str, *, is_trusted: bool = True
    ) -> ChatTemplate:
        """ModelError when it does not compile."""
        key = (text, source, bos_text, eos_text)
        with self._lock:
            template = self._templates.get(key)
        if template is None or not template.is_usable:
            template = ChatTemplate(
                text, bos_text=bos_text, eos_text=eos_text, source=source, is_trusted=is_trusted
            )
        with self._lock:
            self._templates.pop(key, None)
            self._templates[key] = template
            while len(self._templates) > self._count:
                self._templates.pop(next(iter(self._templates)))
        return template
