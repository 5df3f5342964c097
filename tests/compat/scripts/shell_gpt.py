"""shell_gpt: its command line, with the host set as the documents say."""

import os
import subprocess
from pathlib import Path

config = Path.home() / ".config" / "shell_gpt" / ".sgptrc"
config.parent.mkdir(parents=True)
config.write_text(
    f"OPENAI_API_KEY={os.environ['OPENAI_API_KEY']}\n"
    f"API_BASE_URL={os.environ['OPENAI_API_BASE']}\n"
    "DEFAULT_MODEL=x\nOPENAI_USE_FUNCTIONS=false\nDISABLE_STREAMING=false\nPRETTIFY_MARKDOWN=false\n"
)
done = subprocess.run(
    ["sgpt", "--no-cache", "--temperature", "0", "Hello!"],
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
)
assert done.returncode == 0, done.stdout + done.stderr
assert done.stdout.strip(), done.stderr
