"""The clients that are run against the server: what each needs, and the script that uses it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).with_name("scripts")
VENVS = ROOT / ".venv-compat"


@dataclass(frozen=True)
class Client:
    """`packages` as pip or npm take them; `scripts`: files of scripts/, run by the client's own Python or Node."""

    name: str
    kind: Literal["python", "node"]
    packages: tuple[str, ...]
    scripts: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return VENVS / self.name

    @property
    def is_installed(self) -> bool:
        return (self.folder / "installed").is_file()

    def command(self, script: str) -> tuple[str, ...]:
        runtime = str(self.folder / "bin" / "python") if self.kind == "python" else "node"
        return (runtime, str(self.script_path(script)))

    def script_path(self, script: str) -> Path:
        """Node finds packages beside the script, so it runs a copy there."""
        return SCRIPTS / script if self.kind == "python" else self.folder / script


CLIENTS = (
    Client("openai-python", "python", ("openai==3.52.0",), ("openai_newest.py", "openai_media.py")),
    Client(
        "openai-python-0.28",
        "python",
        ("openai==0.28.1", "numpy"),
        ("openai_028.py", "openai_028_media.py"),
    ),
    Client("openai-node", "node", ("openai@7.55.0",), ("openai_newest.mjs", "openai_media.mjs")),
    Client("openai-node-4", "node", ("openai@4.104.0",), ("openai_newest.mjs", "openai_media.mjs")),
    Client("openai-node-3", "node", ("openai@3.3.0",), ("openai_v3.mjs",)),
    Client("langchain", "python", ("langchain-openai==1.6.7",), ("langchain_chat.py",)),
    Client("litellm", "python", ("litellm==1.106.2", "mcp"), ("litellm_chat.py",)),
    Client("shell-gpt", "python", ("shell-gpt==1.5.1", "click"), ("shell_gpt.py",)),
    Client("guidance", "python", ("guidance==0.3.1", "openai==3.52.0"), ("guidance_chat.py",)),
    Client("instructor", "python", ("instructor==1.17.0",), ("instructor_chat.py",)),
    Client(
        "pydantic-ai", "python", ("pydantic-ai-slim[openai]==2.68.0",), ("pydantic_ai_chat.py",)
    ),
    Client("llm", "python", ("llm==0.36",), ("llm_chat.py",)),
    Client(
        "sseclient", "python", ("sseclient-py==1.9.0", "requests==2.34.2"), ("sse_examples.py",)
    ),
    Client("chatgpt-npm", "node", ("chatgpt@5.2.5",), ("chatgpt_npm.mjs",)),
    Client(
        "vercel-ai",
        "node",
        ("ai@7.0.173", "@ai-sdk/openai-compatible@3.0.92", "zod@4"),
        ("vercel_ai.mjs",),
    ),
)
