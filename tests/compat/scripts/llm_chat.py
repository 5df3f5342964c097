"""llm: its command line with a model of extra-openai-models.yaml."""

import os
import subprocess
from pathlib import Path

folder = Path.cwd() / "llm"
folder.mkdir()
(folder / "extra-openai-models.yaml").write_text(
    f"- model_id: hearth\n  model_name: x\n  api_base: {os.environ['OPENAI_API_BASE']}\n  supports_tools: true\n"
)
environment = os.environ | {"LLM_USER_PATH": str(folder)}
for flags in ((), ("--no-stream",)):
    done = subprocess.run(
        ["llm", "-m", "hearth", "-o", "temperature", "0", *flags, "What color is the sky?"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "The sky is blue.", done.stdout
