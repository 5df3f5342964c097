"""Every setting of the program. Precedence: environment > flags > settings.yaml > defaults.

A field below is a flag (`--api-port`), a key of settings.yaml (`api_port`, and `openai-port` for those of the API) and, where it
has one, an environment variable. Sampler defaults and load options are settings too; they come from their own tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.core.options import Option, option, options_of
from modules.core.sampling import SAMPLERS, SamplingParams
from modules.loaders.options import LOAD_OPTIONS, parse_embedding_device

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings after all sources were read; `sampling` and `load` are the server's defaults."""

    model: str | None = option(
        None,
        "Model to load: a name below the models folder, or a path. Without it: the only one there, or the demo model where there is no other; none where there are several",
        group="model",
    )
    loader: str | None = option(
        None, "Loader to use; found from the file when not set", group="model"
    )
    user_data_dir: str = option(
        str(ROOT / "user_data"), "Folder with models and other files of yours", group="model"
    )
    model_dir: str | None = option(
        None, "Folder with the models; models/ in the user data folder when not set", group="model"
    )
    lora_dir: str | None = option(
        None,
        "Folder with LoRA adapters (GGUF files, or folders as peft saves them); loras/ in the user data folder when not set",
        group="model",
    )
    model_switch: bool = option(
        True,
        "Load an installed model or LoRA adapter when a request names it; with an admin key this needs that key",
        group="model",
    )
    strict_models: bool = option(
        False,
        "Answer 404 to requests that name a model which is not installed, instead of taking the loaded one",
        group="model",
    )
    max_models: int = option(
        1,
        "Models that stay loaded; past that the one that was used longest ago leaves when it is idle",
        minimum=1,
        maximum=1000,
        group="model",
    )
    memory_budget: float = option(
        0.0,
        "GiB that all loaded models together may take, by estimate: those that do not fit beside a new one leave before it is loaded, and "
        "what can never fit is refused. 0 is no budget",
        minimum=0,
        maximum=1_000_000,
        group="model",
    )
    idle_timeout: float = option(
        0.0,
        "Unload a model after so many minutes without use; the next request that means it loads it again. 0 is never",
        minimum=0,
        maximum=100_000,
        group="model",
    )
    upstream_url: str | None = option(
        None,
        "Another server with OpenAI's API, such as http://127.0.0.1:8080/v1: its models stand beside those of this machine. With "
        "--loader upstream one of them is loaded at the start",
        env="OPENEDAI_UPSTREAM_URL",
        group="model",
    )
    upstream_key: str | None = option(
        None,
        "Key for the upstream server",
        env="OPENEDAI_UPSTREAM_KEY",
        is_secret=True,
        group="model",
    )
    upstream_params: str = option(
        "auto",
        "Fields beyond OpenAI's that the upstream server gets: those that its kind knows, none, or, where its kind is not known, all",
        choices=("auto", "openai", "all"),
        group="model",
    )
    upstream_timeout_s: float = option(
        600.0,
        "Seconds for which the upstream server may be silent in the middle of an answer",
        minimum=0.1,
        maximum=86_400,
        group="model",
    )
    upstream_proxy: str | None = option(
        None,
        "HTTP proxy on the way to the upstream server, such as http://127.0.0.1:3128; none is taken from the environment",
        group="model",
    )
    chat_template_file: str | None = option(
        None,
        "Chat template (Jinja or YAML) to use instead of the models' own",
        group="model",
    )
    auto_truncate: bool = option(
        False,
        "Drop the oldest messages of a chat that does not fit, instead of answering with an error",
        group="model",
    )
    max_queue: int = option(
        256, "Requests that may wait; more get 429", minimum=0, maximum=1_000_000, group="model"
    )
    extensions: tuple[str, ...] = option(
        (), "Extensions to start, by name; 'openai' is the API", group="host"
    )
    nowebui: bool = option(False, "Start without the web UI", group="ui")
    listen_port: int = option(7860, "Port of the web UI", minimum=0, maximum=65535, group="ui")
    multi_user: bool = option(
        False,
        "Several people at once: each login name has chats and settings of its own; without logins nothing of theirs is kept",
        group="ui",
    )
    gradio_auth: tuple[str, ...] = option(
        (),
        "Logins of the web UI, each NAME:PASSWORD; several with commas or by repeating the flag",
        is_secret=True,
        group="ui",
    )
    gradio_auth_path: str | None = option(
        None, "File with logins of the web UI, one NAME:PASSWORD on a line", group="ui"
    )
    subpath: str | None = option(
        None,
        "Path below which a reverse proxy serves the web UI, such as /hearth",
        group="ui",
    )
    auto_launch: bool = option(False, "Open the web UI in the browser", group="ui")
    share: bool = option(
        False,
        "Refused, with the reason and what to do instead: the public link would need a program and a server of others",
        group="ui",
    )
    verbose: bool = option(False, "Log more of what the program does (never texts)", group="host")
    keep_usage: bool = option(
        True,
        "Keep counts of tokens by day and model in cache/usage.json of the user data folder (never texts); "
        "without it they last until the program ends",
        group="host",
    )
    api: bool = option(
        False, "Serve the OpenAI-compatible API; --extensions openai is the same", group="api"
    )
    api_port: int = option(
        5000,
        "Port of the API",
        minimum=0,
        maximum=65535,
        env="OPENEDAI_PORT",
        aliases=("port",),
        group="api",
    )
    listen: bool = option(
        False, "Be reachable from the network instead of from this machine only", group="api"
    )
    listen_host: str | None = option(None, "Address to listen on with --listen", group="api")
    api_enable_ipv6: bool = option(
        False,
        "Listen on IPv6 too",
        env="OPENEDAI_ENABLE_IPV6",
        aliases=("enable_ipv6",),
        group="api",
    )
    api_disable_ipv4: bool = option(
        False,
        "Do not listen on IPv4",
        env="OPENEDAI_DISABLE_IPV4",
        aliases=("disable_ipv4",),
        group="api",
    )
    ssl_keyfile: str | None = option(
        None, "TLS private key (PEM)", env="OPENEDAI_KEY_PATH", aliases=("key_path",), group="api"
    )
    ssl_certfile: str | None = option(
        None, "TLS certificate (PEM)", env="OPENEDAI_CERT_PATH", aliases=("cert_path",), group="api"
    )
    public_api: bool = option(False, "Make the API public through a Cloudflare tunnel", group="api")
    public_api_id: str | None = option(
        None, "Id of a named Cloudflare tunnel for --public-api", group="api"
    )
    api_key: tuple[str, ...] = option(
        (),
        "Key that requests must carry; several with commas or by repeating the flag",
        env="OPENEDAI_API_KEY",
        is_secret=True,
        group="api",
    )
    api_key_file: str | None = option(
        None, "File with keys, one on a line", env="OPENEDAI_API_KEY_FILE", group="api"
    )
    admin_key: tuple[str, ...] = option(
        (),
        "Key for loading and unloading models; the API keys when not set",
        env="OPENEDAI_ADMIN_KEY",
        is_secret=True,
        group="api",
    )
    api_cors_origins: tuple[str, ...] = option(
        (),
        "Origins whose web pages may call the API, besides those of this machine; * for all",
        group="api",
    )
    api_allowed_hosts: tuple[str, ...] = option(
        (),
        "Names that the Host header may have, besides local ones; * for all. For the web UI too",
        group="api",
    )
    api_max_body_mb: float = option(
        72.0,
        "Largest request body in MiB; pictures in base64 take a third more than as files",
        minimum=0.001,
        maximum=65536,
        group="api",
    )
    max_images: int = option(
        50, "Pictures that a request may have", minimum=0, maximum=10_000, group="api"
    )
    max_image_mb: float = option(
        50.0,
        "Largest size of all files of pictures of a request together, in MiB",
        minimum=0.001,
        maximum=65536,
        group="api",
    )
    max_image_pixels: int = option(
        64_000_000,
        "Pixels that the pictures of a request may have together; each takes three bytes of memory",
        minimum=1,
        maximum=10_000_000_000,
        group="api",
    )
    image_timeout_s: float = option(
        20.0,
        "Seconds in which all pictures of a request must have come from the web",
        minimum=0.001,
        maximum=3600,
        group="api",
    )
    allow_local_images: bool = option(
        False,
        "Requests may name pictures on this machine's disk (file: and absolute paths) and in private networks",
        group="api",
    )
    api_keep_alive_s: float = option(
        15.0,
        "Seconds between comment lines in a stream while nothing else is sent; 0 is never",
        minimum=0,
        maximum=3600,
        group="api",
    )
    strict_params: bool = option(
        False,
        "Refuse requests with unknown or ineffective fields, instead of naming them in X-Ignored-Params",
        group="api",
    )
    legacy_stream: bool = option(
        False,
        "Chunks of chat streams carry 'message' beside 'delta', as clients of 2024 read it",
        env="OPENEDAI_LEGACY_STREAM",
        group="api",
    )
    debug: bool = option(
        False,
        "Log every request's method, path, status and duration",
        env="OPENEDAI_DEBUG",
        group="api",
    )
    embedding_model: str | None = option(
        None,
        "Embedding model: a name below embedding_models/ or models/ of the user data folder, a path, or a name of the Hugging Face hub, "
        "which is downloaded at its first use. Without it: the first one there, all-mpnet-base-v2 where it was downloaded before, "
        "else the bundled one",
        env="OPENEDAI_EMBEDDING_MODEL",
        group="media",
    )
    embedding_device: str = option(
        "auto",
        "Device for embeddings and reranking: auto, cpu, cuda, cuda:1, mps",
        env="OPENEDAI_EMBEDDING_DEVICE",
        parse=parse_embedding_device,
        group="media",
    )
    rerank_model: str | None = option(
        None,
        "Reranker: a name below rerank_models/ of the user data folder, a path, or a name of the hub; "
        "'none' compares embeddings instead",
        group="media",
    )
    moderation_file: str | None = option(
        None,
        "Categories and thresholds of moderation (YAML); moderation.yaml in the user data folder when not set",
        group="media",
    )
    whisper_model: str | None = option(
        None,
        "Whisper model for transcriptions: a name below whisper_models/ of the user data folder, a path, or one of Whisper's own names "
        "(tiny, base, small, medium, large, turbo), which is downloaded at its first use",
        group="media",
    )
    whisper_device: str = option(
        "auto", "Device for transcriptions: auto, cpu, cuda", group="media"
    )
    speech_model: str | None = option(
        None,
        "Voice model for speech: espeak-ng, or a name below speech_models/ of the user data folder (Piper or Kokoro, ONNX)",
        group="media",
    )
    image_model: str | None = option(
        None,
        "Image model: a name below the image models folder, or a path; loaded at its first use",
        group="media",
    )
    image_model_dir: str | None = option(
        None,
        "Folder with the image models; image_models/ in the user data folder when not set",
        group="media",
    )
    image_device: str = option("auto", "Device for images: auto, cpu, cuda, mps", group="media")
    image_dtype: str = option(
        "auto",
        "Number format of the image model; auto is bfloat16 on a GPU and float32 elsewhere",
        choices=("auto", "bfloat16", "float16", "float32"),
        group="media",
    )
    image_attn_backend: str = option(
        "sdpa",
        "Attention of the image model",
        choices=("sdpa", "flash_attention_2"),
        group="media",
    )
    image_cpu_offload: bool = option(
        False,
        "Keep the parts of the image model in main memory while they are not used",
        group="media",
    )
    image_compile: bool = option(
        False, "Compile the image model: a slow first picture, faster ones after it", group="media"
    )
    image_quant: str = option(
        "none",
        "Quantisation of the image model",
        choices=(
            "none",
            "bnb-8bit",
            "bnb-4bit",
            "torchao-int8wo",
            "torchao-fp4",
            "torchao-float8wo",
        ),
        group="media",
    )
    sd_webui_url: str | None = option(
        None,
        "Make images on a server with the API of AUTOMATIC1111's web UI, instead of here",
        env="SD_WEBUI_URL",
        group="media",
    )
    sd_base_model_size: int = option(
        0,
        "Side in pixels that the checkpoints of that server draw best: the size where a request names none; from 1.2 times it on, "
        "pictures are drawn so and then scaled up and drawn over (hires fix); 0 is 512 without that",
        env="SD_BASE_MODEL_SIZE",
        minimum=0,
        maximum=4096,
        group="media",
    )
    image_metadata: bool = option(
        True,
        "Write prompt and settings into the files of images (PNG text, EXIF); a request can leave them out",
        group="media",
    )
    max_drawn_pixels: int = option(
        4_194_304,
        "Pixels of the largest image that may be asked for",
        minimum=256,
        maximum=268_435_456,
        group="media",
    )
    max_drawn_images: int = option(
        32, "Images that one request may ask for", minimum=1, maximum=1000, group="media"
    )
    image_url_ttl_s: float = option(
        3600.0,
        "Seconds for which images that were asked for as URLs can be fetched",
        minimum=1,
        maximum=7 * 86_400,
        group="media",
    )
    max_upload_mb: float = option(
        256.0,
        "Largest request with files (multipart/form-data) in MiB; files go to the disk, not to memory",
        minimum=0.001,
        maximum=65536,
        group="media",
    )
    max_audio_s: float = option(
        7200.0,
        "Longest recording in seconds; each takes 64 kB of memory while it is transcribed",
        minimum=0.1,
        maximum=86_400,
        group="media",
    )
    max_speech_chars: int = option(
        4096, "Longest text to speak, in characters", minimum=1, maximum=1_000_000, group="media"
    )
    media_idle_s: float = option(
        600.0,
        "Unload models for embeddings, audio and images after so many seconds without use; 0 is never",
        minimum=0,
        maximum=7 * 86_400,
        group="media",
    )
    sampling: SamplingParams = field(default_factory=SamplingParams)
    load: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model_aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    extension_params: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def models_path(self) -> Path:
        return Path(self.model_dir) if self.model_dir else Path(self.user_data_dir) / "models"

    @property
    def loras_path(self) -> Path:
        return Path(self.lora_dir) if self.lora_dir else Path(self.user_data_dir) / "loras"

    @property
    def templates_path(self) -> Path:
        return Path(self.user_data_dir) / "instruction-templates"

    @property
    def characters_path(self) -> Path:
        return Path(self.user_data_dir) / "characters"

    @property
    def presets_path(self) -> Path:
        return Path(self.user_data_dir) / "presets"

    @property
    def grammars_path(self) -> Path:
        return Path(self.user_data_dir) / "grammars"

    @property
    def image_models_path(self) -> Path:
        folder = self.image_model_dir
        return Path(folder) if folder else Path(self.user_data_dir) / "image_models"

    @property
    def compares_embeddings(self) -> bool:
        """Whether reranking shall do without a model of its own."""
        return self.rerank_model is not None and self.rerank_model.lower() == "none"

    @property
    def moderation_path(self) -> Path:
        file = self.moderation_file
        return Path(file) if file else Path(self.user_data_dir) / "moderation.yaml"

    @property
    def usage_path(self) -> Path | None:
        return Path(self.user_data_dir) / "cache" / "usage.json" if self.keep_usage else None

    @property
    def enabled_extensions(self) -> tuple[str, ...]:
        """Each once, in the order of the settings; the API last, so that it mounts what others add."""
        names = [name for name in dict.fromkeys(self.extensions) if name != "openai"]
        wants_api = self.api or self.public_api or "openai" in self.extensions
        return (*names, "openai") if wants_api else tuple(names)


OPTIONS: tuple[Option, ...] = options_of(Settings)
GROUPS = {
    "model": "Model",
    "host": "Program",
    "ui": "Web UI",
    "api": "API",
    "media": "Embeddings, audio and images",
    "load": "Loading (each flag for the loaders that have it: docs/loaders.md)",
    "sampling": "Defaults for sampling, where a request does not say",
}


def load_option_defaults() -> tuple[Option, ...]:
    """Options of all loaders, each name once."""
    found = {option.name: option for options in LOAD_OPTIONS.values() for option in options}
    return tuple(found.values())


def sampler_defaults() -> tuple[Option, ...]:
    return SAMPLERS
