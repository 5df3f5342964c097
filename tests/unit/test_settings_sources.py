"""Where settings come from, and which source wins. Each test has a user data folder of its own."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import ConfigError
from modules.settings import OPTIONS, Settings, load_option_defaults, sampler_defaults
from modules.settings_sources import REQUEST_ONLY, build_parser, flags_of, read_settings

ReadSettings = Callable[..., Settings]
FLAGGED = [
    option
    for option in (*OPTIONS, *load_option_defaults(), *sampler_defaults())
    if option.name not in REQUEST_ONLY
]
SECRET = "sk-very-secret-5551"


@pytest.fixture
def read(tmp_path: Path) -> ReadSettings:
    """read(*flags, yaml=…, saved=…, env=…): settings from these sources and no other."""

    def read(
        *flags: str, yaml: str = "", saved: str = "", env: Mapping[str, str] | None = None
    ) -> Settings:
        file = tmp_path / "settings.yaml"
        file.write_text(yaml, encoding="utf-8")
        (tmp_path / "CMD_FLAGS.txt").write_text(saved, encoding="utf-8")
        base = ["--user-data-dir", str(tmp_path), "--settings", str(file)]
        return read_settings([*base, *flags], env or {})

    return read


ALL_SOURCES: list[tuple[str, str, tuple[str, ...], dict[str, str], tuple[Any, Any, Any, Any]]] = [
    # name, yaml, flags, environment, (default, with yaml, and flags, and environment)
    (
        "api_port",
        "openai-port: 6001",
        ("--api-port", "6002"),
        {"OPENEDAI_PORT": "6003"},
        (5000, 6001, 6002, 6003),
    ),
    ("debug", "debug: true", ("--no-debug",), {"OPENEDAI_DEBUG": "on"}, (False, True, False, True)),
    (
        "legacy_stream",
        "openai-legacy_stream: 1",
        ("--no-legacy-stream",),
        {"OPENEDAI_LEGACY_STREAM": "yes"},
        (False, True, False, True),
    ),
    (
        "api_key",
        "api_key: [a, b]",
        ("--api-key", "c,d", "--api-key", "e"),
        {"OPENEDAI_API_KEY": "f, g"},
        ((), ("a", "b"), ("c", "d", "e"), ("f", "g")),
    ),
    (
        "ssl_keyfile",
        "openai-key_path: /y.pem",
        ("--ssl-keyfile", "/f.pem"),
        {"OPENEDAI_KEY_PATH": "/e.pem"},
        (None, "/y.pem", "/f.pem", "/e.pem"),
    ),
]


@pytest.mark.parametrize(
    ("name", "yaml", "flags", "env", "expected"), ALL_SOURCES, ids=[row[0] for row in ALL_SOURCES]
)
def test_environment_beats_flags_beat_yaml_beat_defaults(
    read: ReadSettings, name: str, yaml: str, flags: Any, env: Any, expected: Any
) -> None:
    default, from_yaml, from_flags, from_env = expected
    assert getattr(read(), name) == default
    assert getattr(read(yaml=yaml), name) == from_yaml
    assert getattr(read(*flags, yaml=yaml), name) == from_flags
    assert getattr(read(*flags, yaml=yaml, env=env), name) == from_env
    assert getattr(read(yaml=yaml, env=env), name) == from_env


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_false_words_in_the_environment_switch_off_what_a_flag_switched_on(
    read: ReadSettings, word: str
) -> None:
    assert read("--debug").debug is True
    assert read("--debug", env={"OPENEDAI_DEBUG": word}).debug is False


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_true_words_in_the_environment_switch_on(read: ReadSettings, word: str) -> None:
    assert read(env={"OPENEDAI_DEBUG": word}).debug is True


def test_an_empty_variable_counts_as_not_set(read: ReadSettings) -> None:
    assert read("--api-port", "7", env={"OPENEDAI_PORT": ""}).api_port == 7


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"OPENEDAI_DEBUG": "perhaps"}, ["OPENEDAI_DEBUG", "true or false"]),
        ({"OPENEDAI_PORT": "http"}, ["OPENEDAI_PORT", "whole number"]),
        ({"OPENEDAI_PORT": "65536"}, ["OPENEDAI_PORT", "65535"]),
    ],
)
def test_a_wrong_variable_is_named(
    read: ReadSettings, env: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(env=env)
    assert all(word in caught.value.message for word in words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--api-port", "x"), ["--api-port", "whole number"]),
        (("--temperature", "9"), ["--temperature", "at most 5"]),
        (("--split-mode", "diagonal"), ["--split-mode", "layer"]),
    ],
)
def test_a_wrong_flag_is_named(read: ReadSettings, flags: Any, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(*flags)
    assert all(word in caught.value.message for word in words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--no-such-flag",), ["--no-such-flag", "--help"]),
        (("--api-prot", "1"), ["--api-prot", "--api-port"]),
        (("--api-port",), ["--api-port", "expected one argument"]),
        (("--api-por", "1"), ["--api-por", "--api-port"]),
    ],
)
def test_an_unknown_or_half_flag_is_named_with_the_nearest_one(
    read: ReadSettings, flags: Any, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(*flags)
    assert all(word in caught.value.message for word in words)


def test_help_names_every_flag_and_ends_with_status_0(
    read: ReadSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read("--help")
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for option in FLAGGED:
        for flag in flags_of(option):
            assert flag in printed


@pytest.mark.parametrize(
    "option",
    [*OPTIONS, *load_option_defaults(), *sampler_defaults()],
    ids=lambda option: option.name,
)
def test_every_setting_says_what_it_is_for(option: Any) -> None:
    assert len(option.help.split()) >= 2


def test_no_flag_is_claimed_twice() -> None:
    flags = [flag for option in FLAGGED for flag in flags_of(option)]
    assert sorted(flags) == sorted(set(flags))
    assert build_parser().parse_args([]).__dict__ == {}


# -- CMD_FLAGS.txt ---------------------------------------------------------------------------


def test_saved_flags_are_read_line_by_line_without_comments_and_backslashes(
    read: ReadSettings,
) -> None:
    settings = read(
        saved="# my flags --api-port 1\n--api-port 7001 \\\n   # indented comment\n\n--listen\\\n"
        '--listen-host "a b"\n'
    )
    assert settings.api_port == 7001
    assert settings.listen is True
    assert settings.listen_host == "a b"


def test_saved_flags_may_begin_with_the_mark_of_an_editor(read: ReadSettings) -> None:
    assert read(saved="\ufeff--api-port 7001").api_port == 7001


def test_the_command_line_beats_the_saved_flags(read: ReadSettings) -> None:
    settings = read("--api-port", "2", "--no-listen", saved="--api-port 1 --listen --debug")
    assert (settings.api_port, settings.listen, settings.debug) == (2, False, True)


def test_saved_flags_beat_yaml(read: ReadSettings) -> None:
    assert read(saved="--api-port 1", yaml="api_port: 2").api_port == 1


def test_an_open_quote_in_the_saved_flags_is_an_error_that_names_the_file(
    read: ReadSettings,
) -> None:
    with pytest.raises(ConfigError, match=r"CMD_FLAGS\.txt"):
        read(saved="--model 'half")


def test_saved_flags_that_are_no_utf8_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "CMD_FLAGS.txt").write_bytes(b"--model caf\xe9")
    with pytest.raises(ConfigError, match=r"CMD_FLAGS\.txt"):
        read_settings(["--user-data-dir", str(tmp_path)], {})


def test_no_saved_flags_are_no_error(tmp_path: Path) -> None:
    settings = read_settings(["--user-data-dir", str(tmp_path / "none")], {})
    assert settings.user_data_dir == str(tmp_path / "none")
    assert settings.models_path == tmp_path / "none" / "models"


# -- settings.yaml ---------------------------------------------------------------------------


def test_yaml_keys_may_be_written_in_several_ways(read: ReadSettings) -> None:
    for key in ("api_port", "api-port", "openai-port", "openai-api_port"):
        assert read(yaml=f"{key}: 6100").api_port == 6100


def test_sampler_defaults_and_load_options_are_settings_too(read: ReadSettings) -> None:
    settings = read("--top-k", "7", yaml="temperature: 0.4\nn_ctx: 512\ntop_k: 3\nmlock: true\n")
    assert (settings.sampling.temperature, settings.sampling.top_k) == (0.4, 7)
    assert settings.load == {"ctx_size": 512, "mlock": True}


def test_load_options_that_nobody_set_are_left_to_the_loader(read: ReadSettings) -> None:
    assert read().load == {}


@pytest.mark.parametrize(
    ("flags", "name", "expected"),
    [
        (
            ("--custom-token-bans", "1,2", "--custom-token-bans", "3"),
            "custom_token_bans",
            (1, 2, 3),
        ),
        (("--sampler-priority", "top_k,min_p"), "sampler_priority", ("top_k", "min_p")),
        (("--dry-sequence-breakers", '["a", "b"]'), "dry_sequence_breakers", ("a", "b")),
    ],
)
def test_sampler_lists_can_be_given_as_flags(
    read: ReadSettings, flags: Any, name: str, expected: Any
) -> None:
    assert getattr(read(*flags).sampling, name) == expected


def test_null_in_yaml_means_the_default(read: ReadSettings) -> None:
    assert read(yaml="api_port:\nmodel: null\n").api_port == 5000


def test_model_aliases_are_kept(read: ReadSettings) -> None:
    settings = read(yaml="model_aliases:\n  gpt-4: big.gguf\n  3.5: small.gguf\n")
    assert settings.model_aliases == {"gpt-4": "big.gguf", "3.5": "small.gguf"}


def test_keys_of_other_extensions_are_handed_on_without_a_warning(
    read: ReadSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(yaml="gallery-items: 5").extension_params == {"gallery-items": 5}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [("api_prot", "api_port"), ("openai-api_prot", "api_port"), ("temprature", "temperature")],
)
def test_an_unknown_key_is_warned_about_with_a_suggestion(
    read: ReadSettings, caplog: pytest.LogCaptureFixture, key: str, suggestion: str
) -> None:
    with caplog.at_level(logging.WARNING, "hearth.settings"):
        read(yaml=f"{key}: 1")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    message = caplog.messages[0]
    assert key in message
    assert "did you mean" in message
    assert suggestion in message.split("did you mean")[1]


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("api_port: [1", ["settings.yaml"]),
        ("- just\n- a list", ["settings.yaml", "keys and values"]),
        ("api_port: many", ["settings.yaml", "api_port"]),
        ("temperature: .nan", ["temperature", "finite"]),
        ("model_aliases: [a]", ["model_aliases"]),
    ],
)
def test_a_broken_settings_file_is_an_error_that_says_where(
    read: ReadSettings, yaml: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(yaml=yaml)
    assert all(word in caught.value.message for word in words)


def test_a_settings_file_that_is_no_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"model: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"settings\.yaml"):
        read_settings(["--user-data-dir", str(tmp_path), "--settings", str(file)], {})


def test_a_settings_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"other\.yaml"):
        read_settings(
            ["--user-data-dir", str(tmp_path), "--settings", str(tmp_path / "other.yaml")], {}
        )


# -- secrets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "yaml",
    [
        f"openai-api_key: [{SECRET}",
        f"admin_key: '{SECRET}",
        f"api_key: {SECRET}: x",
        f"api_key: {{{SECRET}: 1}}",
        f"api_key: [[{SECRET}]]",
    ],
)
def test_a_broken_settings_file_does_not_show_its_secrets(read: ReadSettings, yaml: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(yaml=yaml)
    assert SECRET not in caught.value.message


@pytest.mark.parametrize("name", ["api_key", "admin_key"])
def test_secrets_are_not_in_the_repr(read: ReadSettings, name: str) -> None:
    settings = read(yaml=f"{name}: {SECRET}")
    assert getattr(settings, name) == (SECRET,)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


def test_secrets_of_the_environment_are_not_logged(
    read: ReadSettings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        settings = read("--verbose", env={"OPENEDAI_API_KEY": SECRET}, yaml="nonsense: 1")
    assert settings.api_key == (SECRET,)
    printed = capsys.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err


# -- what follows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), ()),
        (("--api",), ("openai",)),
        (("--public-api",), ("openai",)),
        (("--extensions", "openai"), ("openai",)),
        (("--extensions", "openai", "gallery", "gallery", "--api"), ("gallery", "openai")),
        (("--extensions", "a,b"), ("a", "b")),
    ],
)
def test_the_api_starts_once_and_last(read: ReadSettings, flags: Any, expected: Any) -> None:
    assert read(*flags).enabled_extensions == expected
