"""Reads settings from their sources: environment, flags, CMD_FLAGS.txt, settings.yaml."""

import argparse
import difflib
import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, cast

import yaml

from modules.core.errors import ConfigError, RequestError
from modules.core.options import Option
from modules.core.sampling import SamplingParams
from modules.settings import GROUPS, OPTIONS, ROOT, Settings, load_option_defaults, sampler_defaults

log = logging.getLogger("hearth.settings")

API_PREFIX = "openai-"
SAVED_FLAGS = "CMD_FLAGS.txt"
PREFIXED_GROUPS = ("api", "media")
REQUEST_ONLY = frozenset(("logit_bias",))
"""Sampling parameters that make no sense as a server's default: token ids differ between models."""
Values = dict[str, Any]


def read_settings(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """ConfigError names the flag, key or variable that is wrong. `--help` prints and exits."""
    parser = build_parser()
    # Parsed one after the other: a list on the command line replaces the saved one, like any other value.
    saved = vars(parser.parse_args(_saved_flags(argv)))
    given = {**saved, **vars(parser.parse_args(list(argv)))}
    file = Path(given.pop("settings", None) or ROOT / "settings.yaml")
    values, rest = _from_yaml(file)
    values |= _from_flags(given)
    values |= _from_environment(environment)
    return _build(values, rest)


def explain_settings(
    argv: Sequence[str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """For each setting that some source gives, which one wins. ConfigError as above: files may have changed since the start."""
    parser = build_parser()
    saved, given = parser.parse_args(_saved_flags(argv)), parser.parse_args(list(argv))
    path = getattr(given, "settings", None) or getattr(saved, "settings", None)
    file = Path(path or ROOT / "settings.yaml")
    sources = dict.fromkeys(_from_yaml(file)[0], file.name)
    sources |= dict.fromkeys(vars(saved), SAVED_FLAGS)
    sources |= dict.fromkeys(vars(given), "command line")
    sources |= dict.fromkeys(_from_environment(environment), "environment")
    return sources


def saved_flags_path(argv: Sequence[str]) -> Path:
    """CMD_FLAGS.txt of a start with this command line."""
    return _user_data_dir(argv) / SAVED_FLAGS


def build_parser() -> argparse.ArgumentParser:
    """All flags, grouped as `GROUPS`; none has a default, so that only what was given shows up."""
    parser = _Parser(
        prog="server.py",
        usage="server.py [--api] [flags]",
        description="Hearth hosts language models on this machine, with a web UI and an OpenAI-compatible API.",
        epilog="The environment wins over flags, flags over settings.yaml, that over the defaults. "
        "Flags in user_data/CMD_FLAGS.txt are read before those of the command line.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    groups["model"].add_argument("--settings", metavar="FILE", help="Another settings.yaml")
    for option in OPTIONS:
        _add_flag(groups[option.group], option)
    for option in load_option_defaults():
        _add_flag(groups["load"], option)
    for option in sampler_defaults():
        if option.name not in REQUEST_ONLY:
            _add_flag(groups["sampling"], option)
    return parser


class _Parser(argparse.ArgumentParser):
    """Errors as one sentence with the nearest flag, instead of pages of usage."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split()[0]
        known = [flag for action in self._actions for flag in action.option_strings]
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"; did you mean {close[0]}?" if close and unknown.startswith("--") else ""
        raise ConfigError(f"{message}{hint} (--help lists all flags)")


def flags_of(option: Option) -> tuple[str, ...]:
    names = (option.name, *option.aliases) if not option.group else (option.name,)
    return tuple("--" + name.replace("_", "-") for name in names)


def _add_flag(group: Any, option: Option) -> None:
    about = option.help.replace("%", "%%")
    if option.env:
        about += f" [{option.env}]"
    if option.default not in (None, (), "", False) and not option.is_secret:
        about += f" (default: {shown_default(option.default)})"
    if option.kind is bool:
        group.add_argument(
            *flags_of(option), dest=option.name, action=argparse.BooleanOptionalAction, help=about
        )
        return
    details: dict[str, Any] = {"metavar": option.kind.__name__.upper()}
    if option.choices:
        details["metavar"] = "{" + ",".join(choice for choice in option.choices if choice) + "}"
    if option.name == "extensions":
        details |= {"nargs": "+", "metavar": "NAME"}
    elif option.kind is tuple:
        details |= {"action": "append", "metavar": "TEXT"}
    group.add_argument(*flags_of(option), dest=option.name, help=about, **details)


def shown_default(default: Any) -> str:
    if isinstance(default, tuple):
        parts = [str(part) for part in cast("tuple[object, ...]", default)]
        return ", ".join(part if part.isidentifier() else repr(part) for part in parts)
    if isinstance(default, str) and default.startswith(str(ROOT)):
        return str(Path(default).relative_to(ROOT))
    return str(default)


def _saved_flags(argv: Sequence[str]) -> list[str]:
    """CMD_FLAGS.txt: lines are joined, those that begin with `#` are comments, a trailing backslash means nothing."""
    path = saved_flags_path(argv)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    return split_flags(text, str(path))


def split_flags(text: str, where: str) -> list[str]:
    """The flags of a CMD_FLAGS.txt. ConfigError for a quote that does not end."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line.rstrip("\\") for line in lines if not line.startswith("#")]
    try:
        return shlex.split(" ".join(kept), comments=False)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _user_data_dir(argv: Sequence[str]) -> Path:
    """This one flag decides where the others are read from, so it is looked for by itself."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--user-data-dir", default=str(ROOT / "user_data"))
    known, _ = early.parse_known_args(list(argv))
    return Path(known.user_data_dir)


def _from_flags(given: Mapping[str, Any]) -> Values:
    known = {option.name: option for option in _all_options()}
    values: Values = {}
    for name, value in given.items():
        option = known[name]
        if option.kind is tuple and isinstance(value, list) and option.parse is None:
            value = [part for item in cast("list[str]", value) for part in item.split(",")]
            value = [part.strip() for part in value if part.strip()]
        elif option.kind is tuple and isinstance(value, list):
            value = ",".join(cast("list[str]", value))
        values[name] = _checked(option, value, f"--{name.replace('_', '-')}")
        _check_secret(option, values[name], f"--{name.replace('_', '-')}")
    return values


def _from_environment(environment: Mapping[str, str]) -> Values:
    values: Values = {}
    for option in OPTIONS:
        if option.env and environment.get(option.env, "") != "":
            values[option.name] = _checked(option, environment[option.env], option.env)
            _check_secret(option, values[option.name], option.env)
    return values


def _check_secret(option: Option, value: Any, where: str) -> None:
    """An empty key, of a variable that was not set, say: to start without one would be the opposite of the wish."""
    if option.is_secret and (not value or not all(value)):
        raise ConfigError(f"{where} is empty")


def _from_yaml(path: Path) -> tuple[Values, Values]:
    """Known values, and the rest: aliases and parameters of extensions."""
    values: Values = {}
    rest: Values = {}
    for key, value in _read_yaml(path).items():
        option = _option_for_key(str(key))
        if option is None:
            rest[str(key)] = value
        elif value is not None:
            where = f"{path.name}: {key}"
            values[option.name] = _checked(option, value, where)
            if value != []:
                _check_secret(option, values[option.name], where)
    return values, rest


def _read_yaml(path: Path) -> dict[object, Any]:
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        if path != ROOT / "settings.yaml":
            raise ConfigError(f"There is no settings file {path}") from None
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {_explain_yaml(error)}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold keys and values")
    return cast("dict[object, Any]", content)


def _explain_yaml(error: yaml.YAMLError) -> str:
    """Line and problem, without the line's text: it may hold a key."""
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{where}{getattr(error, 'problem', None) or 'it cannot be parsed'}"


def _option_for_key(key: str) -> Option | None:
    """`api_port`, `api-port`, and for the API's own `openai-port` (or `openai-api_port`)."""
    plain = key.removeprefix(API_PREFIX).replace("-", "_")
    for option in _all_options():
        names = (option.name, *option.aliases)
        if key.startswith(API_PREFIX):
            if option.group in PREFIXED_GROUPS and (plain in names or f"api_{plain}" in names):
                return option
        elif plain == option.name or (not option.group and plain in option.aliases):
            return option
    return None


def _all_options() -> tuple[Option, ...]:
    return (*OPTIONS, *load_option_defaults(), *sampler_defaults())


def _checked(option: Option, value: Any, where: str) -> Any:
    try:
        if isinstance(value, str) and option.kind is not tuple:
            return option.from_text(value)
        return option.check(value)
    except RequestError as error:
        raise ConfigError(f"{where}: {error.message}") from None


def _build(values: Values, rest: Values) -> Settings:
    load_names = {option.name for option in load_option_defaults()}
    sampler_names = {option.name for option in sampler_defaults()}
    aliases = _read_aliases(rest.pop("model_aliases", None) or {})
    _warn_about(rest)
    own = {name: v for name, v in values.items() if name not in load_names | sampler_names}
    sampling = {name: v for name, v in values.items() if name in sampler_names}
    return Settings(
        **own,
        sampling=replace(SamplingParams(), **sampling),
        load={name: v for name, v in values.items() if name in load_names},
        model_aliases=aliases,
        extension_params=rest,
    )


def _read_aliases(given: object) -> dict[str, str]:
    """A name may look like a number (`3.5`); what it stands for is a model's name."""
    if isinstance(given, dict):
        aliases = cast("dict[object, object]", given)
        if all(isinstance(name, str) for name in aliases.values()):
            return {str(alias): str(name) for alias, name in aliases.items()}
    raise ConfigError("settings.yaml: model_aliases must hold names and model names")


def _warn_about(rest: Values) -> None:
    """Keys with a dash may belong to an extension (`NAME-key`); others are likely misspelt."""
    known = [name for option in _all_options() for name in (option.name, *option.aliases)]
    for key in rest:
        if "-" in key and not key.startswith(API_PREFIX):
            continue
        close = difflib.get_close_matches(key.removeprefix(API_PREFIX), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        log.warning("settings.yaml: nothing reads the key %r%s", key, hint)
