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
    assert text_of(template) == "Below is an instruction.\n\n### Instruction:\nU\n\n### Response:\n"
    messages = [
        Message("system", "S"),
        Message("user", "U"),
        Message("assistant", "A"),
        Message("user", "V"),
    ]
    assert template.render(messages, add_generation_prompt=True) == (
        "S\n\n### Instruction:\nU\n\n### Response:\nA\n\n### Instruction:\nV\n\n### Response:\n"
    )


def test_a_missing_override_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        check_override(tmp_path / "none.jinja")


def test_the_old_keys_without_a_turn_template(user_data: Path) -> None:
    write(user_data, "Old.yml", "user: 'USER:'\nbot: 'ASSISTANT:'\n")
    template = TemplateSources(user_data).named("Old", PLAIN)
    assert text_of(template) == "USER:\nU\nASSISTANT:\n"


def test_quotes_and_braces_in_old_keys_are_only_text(user_data: Path) -> None:
    odd = 'it\'s {{ 7 * 7 }} "{% raw %}" \\ é'
    old = {
        "user": odd,
        "bot": "B",
        "context": odd,
        "turn_template": "<|user|><|user-message|><|bot|> ",
    }
    write(user_data, "Odd.yaml", json.dumps(old))
    template = TemplateSources(user_data).named("Odd", PLAIN)
    assert text_of(template) == f"{odd}{odd}UB"


def test_a_name_is_a_pattern_for_itself(user_data: Path) -> None:
    facts = ModelFacts("org/C++ (v1).gguf", None)
    (user_data / "models" / "config-user.yaml").write_text(
        "'org/C++ (v1).gguf$': {instruction_template: One}\n"
    )
    assert text_of(TemplateSources(user_data).for_model(facts)) == "one"


def test_a_pattern_may_be_for_the_name_without_its_folder(user_data: Path) -> None:
    (user_data / "models" / "config.yaml").write_text("Model-\\d: {instruction_template: One}\n")
    sources = TemplateSources(user_data)
    assert text_of(sources.for_model(ModelFacts("org/model-7.gguf", None))) == "one"
    assert "ChatML" in sources.for_model(ModelFacts("org/model-x.gguf", None)).source


def test_edits_of_the_patterns_count_at_once(user_data: Path) -> None:
    config = user_data / "models" / "config.yaml"
    sources = TemplateSources(user_data)
    assert "ChatML" in sources.for_model(PLAIN).source
    config.write_text("some: {instruction_template: One}\n")
    assert text_of(sources.for_model(PLAIN)) == "one"
    config.write_text("some: {instruction_template_str: 'three {{ messages[0].content }}'}\n")
    assert text_of(sources.for_model(PLAIN)) == "three U"


@pytest.mark.parametrize(
    "line", ["some: {instruction_template: Gone}", "'some(': {instruction_template: One}"]
)
def test_a_wrong_line_is_passed_over_with_a_warning(user_data: Path, caplog, line: str) -> None:
    (user_data / "models" / "config.yaml").write_text(line)
    sources = TemplateSources(user_data)
    assert "ChatML" in sources.for_model(PLAIN).source
    sources.for_model(PLAIN)
    assert caplog.text.count("config.yaml") == 1


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"chat_template": 7}', '{"chat_template": [1]}']
)
def test_a_folder_with_a_broken_configuration_has_no_template(user_data: Path, text: str) -> None:
    folder = user_data / "models" / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(text)
    assert "ChatML" in TemplateSources(user_data).for_model(ModelFacts("model", None)).source


def test_line_ends_and_byte_order_marks_of_other_systems_do_no_harm(user_data: Path) -> None:
    path = user_data / "instruction-templates" / "Windows.jinja"
    path.write_bytes(b"\xef\xbb\xbfa\r\n{% if true %}\r\nb{% endif %}")
    assert text_of(TemplateSources(user_data).named("Windows", PLAIN)) == "a\nb"


def test_an_override_that_went_away_is_named(user_data: Path) -> None:
    override = user_data / "mine.jinja"
    override.write_text("mine")
    sources = TemplateSources(user_data, override=override)
    assert text_of(sources.for_model(PLAIN)) == "mine"
    override.unlink()
    with pytest.raises(ModelError, match=r"mine\.jinja"):
        sources.for_model(PLAIN)


def test_a_file_that_is_too_long_is_refused(user_data: Path) -> None:
    write(user_data, "Long.jinja", "x" * 1_000_001)
    with pytest.raises(RequestError, match="too long"):
        TemplateSources(user_data).named("Long", PLAIN)


def test_templates_of_requests_are_kept_while_they_are_of_use(user_data: Path) -> None:
    sources = TemplateSources(user_data)
    first = sources.given("first", PLAIN)
    assert sources.given("first", PLAIN) is first
    for i in range(4):
        sources.given(f"other {i}", PLAIN)
    assert sources.given("first", PLAIN) is not first
    slow = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    useless = sources.given(slow, PLAIN)
    with pytest.raises(RequestError):
        text_of(useless)
    assert sources.given(slow, PLAIN) is not useless


def test_a_broken_template_of_a_request_is_the_callers_error(user_data: Path) -> None:
    for text in ("{% if %}", "x" * 1_000_001):
        with pytest.raises(RequestError) as caught:
            TemplateSources(user_data).given(text, PLAIN)
        assert caught.value.param == "instruction_template_str"


def test_a_half_saved_file_leaves_the_template_before_it_in_use(user_data: Path, caplog) -> None:
    """An editor's moment must not stop the chats of a model that serves; a file that never was in order is told."""
    saved = user_data / "models" / "config-user.yaml"
    saved.write_text("some-model.gguf$: {instruction_template: Two}\n")
    sources = TemplateSources(user_data)
    assert text_of(sources.for_model(PLAIN)) == "two U"
    saved.write_text("some-model.gguf$: {instruction_template: [\n")
    for _ in range(2):
        assert text_of(sources.for_model(PLAIN)) == "two U"
    assert caplog.text.count("config-user.yaml") == 1
    with pytest.raises(ModelError, match=r"config-user\.yaml"):
        TemplateSources(user_data).for_model(PLAIN)
    saved.write_text("some-model.gguf$: {instruction_template: One}\n")
    assert text_of(sources.for_model(PLAIN)) == "one"
