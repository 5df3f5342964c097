"""Where a template comes from: precedence, edits on disk, names that stay in their folder."""

import json
from pathlib import Path

import pytest

from modules.core.errors import ConfigError, ModelError, RequestError
from modules.core.messages import Message
from modules.prompts.template_sources import ModelFacts, TemplateSources, check_override

PLAIN = ModelFacts("some-model.gguf", None)


@pytest.fixture
def user_data(tmp_path: Path) -> Path:
    (tmp_path / "instruction-templates").mkdir()
    (tmp_path / "models").mkdir()
    write(tmp_path, "One.jinja", "one")
    write(tmp_path, "Two.yaml", "instruction_template: |-\n  two {{ messages[0].content }}")
    return tmp_path


def write(user_data: Path, name: str, text: str) -> Path:
    path = user_data / "instruction-templates" / name
    path.write_text(text, encoding="utf-8")
    return path


def text_of(template) -> str:
    return template.render([Message("user", "U")], add_generation_prompt=True)


def test_without_anything_it_is_chatml_with_one_warning(user_data: Path, caplog) -> None:
    sources = TemplateSources(user_data)
    assert "<|im_start|>" in text_of(sources.for_model(PLAIN))
    sources.for_model(PLAIN)
    assert caplog.text.count("ChatML") == 1


def test_each_source_wins_over_the_ones_below(user_data: Path) -> None:
    models = user_data / "models"
    (models / "config.yaml").write_text(".*some: {instruction_template: One}\n")
    assert text_of(TemplateSources(user_data).for_model(PLAIN)) == "one"
    facts = ModelFacts("some-model.gguf", "metadata")
    assert text_of(TemplateSources(user_data).for_model(facts)) == "metadata"
    (models / "config-user.yaml").write_text("some-model.gguf$: {instruction_template: Two}\n")
    assert text_of(TemplateSources(user_data).for_model(facts)) == "two U"
    override = user_data / "mine.jinja"
    override.write_text("mine")
    sources = TemplateSources(user_data, override=override)
    assert text_of(sources.for_model(facts)) == "mine"
    assert text_of(sources.named("One", facts)) == "one"
    assert text_of(sources.given("text", facts)) == "text"


def test_later_patterns_win_and_case_does_not_count(user_data: Path) -> None:
    config = ".*model: {instruction_template: One}\n.*SOME.*: {instruction_template: Two}\nother: {instruction_template: One}\n"
    (user_data / "models" / "config.yaml").write_text(config)
    assert (
        text_of(TemplateSources(user_data).for_model(ModelFacts("SOME-Model.gguf", None)))
        == "two U"
    )


def test_files_of_the_models_own_folder(user_data: Path) -> None:
    folder = user_data / "models" / "org" / "model"
    folder.mkdir(parents=True)
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    facts = ModelFacts("org/model", None)
    assert text_of(TemplateSources(user_data).for_model(facts)) == "tools"
    (folder / "chat_template.jinja").write_text("own")
    assert text_of(TemplateSources(user_data).for_model(facts)) == "own"


def test_edits_count_at_once(user_data: Path) -> None:
    sources = TemplateSources(user_data)
    assert text_of(sources.named("One", PLAIN)) == "one"
    path = write(user_data, "One.jinja", "edited")
    assert text_of(sources.named("One", PLAIN)) == "edited"
    path.unlink()
    with pytest.raises(RequestError, match="Two"):
        sources.named("One", PLAIN)


def test_a_wrong_file_is_named(user_data: Path) -> None:
    write(user_data, "Bad.yaml", "instruction_template: [")
    write(user_data, "Empty.yaml", "other: 1")
    write(user_data, "Broken.jinja", "{% if %}")
    for name in ("Bad", "Empty", "Broken"):
        with pytest.raises((RequestError, ModelError)) as caught:
            TemplateSources(user_data).named(name, PLAIN)
        assert name in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "../One",
        "..",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "",
        ".hidden",
        "x\0y",
        "C:One",
        "a" * 300,
        "One\n",
        "~",
        "One.jinja/../One",
    ],
)
def test_names_never_leave_the_folder(user_data: Path, name: str) -> None:
    (user_data / "One.jinja").write_text("outside")
    with pytest.raises(RequestError) as caught:
        TemplateSources(user_data).named(name, PLAIN)
    assert caught.value.param == "instruction_template"


def test_a_link_that_leads_out_is_no_template(user_data: Path) -> None:
    secret = user_data / "secret.jinja"
    secret.write_text("secret")
    (user_data / "instruction-templates" / "Link.jinja").symlink_to(secret)
    with pytest.raises(RequestError):
        TemplateSources(user_data).named("Link", PLAIN)


def test_the_old_keys_of_2023(user_data: Path) -> None:
    old = {
        "user": "### Instruction:",
        "bot": "### Response:",
        "turn_template": "<|user|>\n<|user-message|>\n\n<|bot|>\n<|bot-message|>\n\n",
        "context": "Below is an instruction.\n\n",
    }
    write(user_data, "Old.yaml", json.dumps(old))
    template = TemplateSources(user_data).named("Old", PLAIN)
    assert text_of(template) == "Below is an instruction.\n\n### Instruction:\nU\n\n### Response:"
    messages = [
        Message("system", "S"),
        Message("user", "U"),
        Message("assistant", "A"),
        Message("user", "V"),
    ]
    assert template.render(messages, add_generation_prompt=True) == (
        "S\n\n### Instruction:\nU\n\n### Response:\nA\n\n### Instruction:\nV\n\n### Response:"
    )


def test_a_missing_override_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        check_override(tmp_path / "none.jinja")
