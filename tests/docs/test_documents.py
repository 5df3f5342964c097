"""What the documents promise is there, and what is there is in the documents."""

import re
from pathlib import Path

import pytest
import yaml

from extensions.openai.app import ROUTERS
from modules.core.options import options_of
from modules.core.sampling import SAMPLERS
from modules.loaders.options import LOAD_OPTIONS
from modules.settings import OPTIONS, ROOT
from modules.settings_sources import REQUEST_ONLY, flags_of, read_settings
from tools.reference import FILE, build_reference

README = (ROOT / "README.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "settings.yaml").read_text(encoding="utf-8")


def test_the_reference_is_what_the_tables_say() -> None:
    assert FILE.read_text(encoding="utf-8") == build_reference(), "run python -m tools.reference"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_setting_is_in_the_reference(option) -> None:
    reference = FILE.read_text(encoding="utf-8")
    assert f"`{flags_of(option)[0]}`" in reference
    assert not option.env or f"`{option.env}`" in reference


def test_settings_yaml_shows_every_key_with_its_default(tmp_path: Path) -> None:
    keys = re.findall(r"^# ([a-z_0-9]+): (.*?)(?:\s{2,}#.*)?$", SETTINGS, re.MULTILINE)
    shown = {key: yaml.safe_load(value) for key, value in keys if key != "model_aliases"}
    load_options = [option for options in LOAD_OPTIONS.values() for option in options]
    options = {o.name: o for o in (*OPTIONS, *load_options, *SAMPLERS)}
    assert shown.keys() == options.keys() - REQUEST_ONLY
    # Switched on, the file changes nothing.
    plain = tmp_path / "plain.yaml"
    plain.write_text("")
    switched_on = tmp_path / "settings.yaml"
    lines = [
        f"{key}: {value}" for key, value in keys if key not in ("user_data_dir", "model_aliases")
    ]
    switched_on.write_text("\n".join(lines))
    user_data = ["--user-data-dir", str(tmp_path)]
    expected = read_settings([*user_data, "--settings", str(plain)], {})
    found = read_settings([*user_data, "--settings", str(switched_on)], {})
    for option in options_of(type(expected)):
        assert getattr(found, option.name) == getattr(expected, option.name), option.name
    assert found.sampling == expected.sampling
    defaults = {option.name: option.default for option in load_options}
    assert {**defaults, **found.load} == defaults


@pytest.mark.parametrize("loader", LOAD_OPTIONS)
def test_every_load_option_is_explained_with_its_loader(loader: str) -> None:
    text = (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {loader}\n")[1].split("\n## ")[0]
    missing = [o.name for o in LOAD_OPTIONS[loader] if f"`{o.name}`" not in section]
    assert not missing


def served_paths() -> list[str]:
    return [route.path for router in ROUTERS for route in router.routes]


OLD = (
    "/v1/engines",
    "/v1/search",
    "/v1/edits",
    "/v1/generate",
    "/v1/text_completion",
    "/api/v1",
    "/v1/billing",
    "/v1/dashboard",
    "/dashboard",
)
"""What clients of 2022 and 2023 ask for: the README names them in one line."""


@pytest.mark.parametrize("path", served_paths())
def test_every_route_is_in_the_documents(path: str) -> None:
    named = path.replace("{model_id:path}", "{id}").replace("{engine:path}", "{engine}")
    if not path.startswith(OLD):
        short = named.replace("/v1/tokenize", "/tokenize").replace("/v1/detokenize", "/detokenize")
        assert f"{short}`" in README
    assert path.startswith("/v1/models") or named.removeprefix("/v1/internal/") in API


def test_every_route_of_the_readme_is_served() -> None:
    table = README[README.index("## Endpoints") : README.index("## Settings")]
    named = re.findall(r"(?:GET|POST) (/[a-z0-9/{}._-]+)`", table)
    served = {path.replace("{model_id:path}", "{id}") for path in served_paths()}
    assert named
    assert set(named) <= served | {"/metrics", "/docs", "/openapi.json"}


def test_the_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("document", ["README.md", "docs/architecture.md"])
def test_the_files_that_the_trees_name_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    tree = next(block for block in text.split("```") if "start.py  " in block)
    for name in re.findall(r"^(\S+\.(?:py|yaml|txt)|\S+/)\s", tree, re.MULTILINE):
        assert (ROOT / name).exists(), name
