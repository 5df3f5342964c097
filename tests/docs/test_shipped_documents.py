"""What docs/shipped-extensions.md and docs/tools.md promise is there, and what is there is in them."""

import importlib
import json
import re
from pathlib import Path

import pytest

from modules.extensions import hooks_in
from modules.settings import ROOT
from modules.toolbox.offered import RESULT_LIMIT
from modules.toolbox.rounds import ROUND_LIMIT
from modules.toolbox.server_specs import load_specs
from modules.toolbox.toolbox import CALL_TIMEOUT_S, Toolbox

SHIPPED = sorted(
    path.parent.name
    for path in (ROOT / "extensions").glob("*/script.py")
    if path.parent.name != "openai"
)
EXTENSIONS = (ROOT / "docs" / "shipped-extensions.md").read_text(encoding="utf-8")
TOOLS = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
OF_THE_PAGE = {"display_name", "is_tab", "is_active"}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_extension_has_a_row_and_a_section_with_its_params(name: str) -> None:
    assert f"| [`{name}`](#{name}) |" in EXTENSIONS
    section = EXTENSIONS.split(f"\n## {name}\n")[1].split("\n## ")[0]
    script = importlib.import_module(f"extensions.{name}.script")
    assert hooks_in(vars(script), name)
    if name != "example":
        for key in script.params.keys() - OF_THE_PAGE:
            assert re.search(rf"`{key}\b|{name}-{key}\b", section), key


def test_only_what_ships_is_in_the_document() -> None:
    assert re.findall(r"^## (\w+)$", EXTENSIONS, re.MULTILINE) == re.findall(
        r"^\| \[`(\w+)`\]", EXTENSIONS, re.MULTILINE
    )
    assert sorted(re.findall(r"^## (\w+)$", EXTENSIONS, re.MULTILINE)) == SHIPPED


@pytest.mark.anyio
async def test_the_example_of_a_tool_works(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    [example] = re.findall(r"```python\n(.*?)```", TOOLS, re.DOTALL)
    (tmp_path / "tools" / "temperature.py").write_text(example)
    toolbox = Toolbox(tmp_path)
    [tool] = await toolbox.list()
    assert tool.tool.schema["properties"]["to"]["description"] == "The unit that is wanted."
    result = await toolbox.call("convert_temperature", '{"value": 212}')
    assert (result.text, result.is_error) == ("100.0 °C", False)


def test_the_example_of_mcp_json_can_be_read(tmp_path: Path) -> None:
    [example] = re.findall(r"```json\n(.*?)```", TOOLS, re.DOTALL)
    (tmp_path / "mcp.json").write_text(example)
    assert load_specs(tmp_path / "mcp.json").keys() == json.loads(example)["mcpServers"].keys()


def test_the_limits_are_those_of_the_program() -> None:
    assert f"{RESULT_LIMIT:,} characters" in TOOLS
    assert f"at most {ROUND_LIMIT} times" in TOOLS
    assert f"{CALL_TIMEOUT_S:g} seconds" in TOOLS
