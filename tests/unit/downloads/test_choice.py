"""Which files of a repository are fetched."""

import pytest

from modules.core.errors import ModelError, RequestError
from modules.downloads.choice import choose_files
from modules.downloads.remote import RemoteFile, RemoteRepository
from modules.downloads.wanted import Purpose, parse_wanted
from tests.unit.downloads.repositories import remote, repository


def chosen(
    *paths: str,
    files: list[str] | None = None,
    exclude: list[str] | None = None,
    to: Purpose = "models",
) -> set[str]:
    wanted = parse_wanted("org/name", files or [], exclude or [], to)
    return {file.path for file in choose_files(repository(*paths), wanted)}


def refusal(*paths: str, **options) -> RequestError:
    with pytest.raises(RequestError) as refused:
        chosen(*paths, **options)
    return refused.value


TEXTS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "README.md",
    "LICENSE",
)


def test_weights_come_in_one_format() -> None:
    others = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "model.ckpt.index", "pytorch_model.bin.index.json",
              "onnx/model.onnx", "onnx/config.json", "original/consolidated.00.pth", "original/params.json", "openvino/model.xml",
              "consolidated.safetensors", "training_args.bin", "optimizer.pt", "checkpoint-500/model.safetensors", ".gitattributes", "picture.png")  # fmt: skip
    wanted = {*TEXTS, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "merges.txt", "tokenizer.model", "1_Pooling/config.json"}  # fmt: skip
    assert chosen(*others, *wanted) == wanted


def test_where_there_are_no_safetensors_the_old_weights_do() -> None:
    assert chosen("config.json", "pytorch_model.bin", "training_args.bin", "tf_model.h5") == {
        "config.json",
        "pytorch_model.bin",
    }
    assert chosen("adapter_config.json", "adapter_model.bin", to="lora") == {
        "adapter_config.json",
        "adapter_model.bin",
    }


def test_a_repository_without_weights_is_refused_with_what_it_has() -> None:
    error = refusal("config.json", "weights.xyz")
    assert error.param == "files"
    assert "weights.xyz (1 MB)" in error.message


QUANTS = ("m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m-Q8_0.gguf")


def test_one_of_several_quantisations_must_be_named() -> None:
    error = refusal(*QUANTS, "README.md")
    assert (error.param, error.code) == ("files", "ambiguous_files")
    assert all(f"{name} (1 MB)" in error.message for name in QUANTS)
    assert chosen("m-Q8_0.gguf", "README.md") == {"m-Q8_0.gguf"}
    assert chosen(*QUANTS, exclude=["*Q4*"]) == {"m-Q8_0.gguf"}


@pytest.mark.parametrize(
    "pattern", ["Q4_K_M", "q4_k_m", "m-Q4_K_M.gguf", "*Q4_K_M*", "M-q4_k_m.GGUF"]
)
def test_a_quantisation_is_named_by_word_path_or_pattern(pattern: str) -> None:
    assert chosen(*QUANTS, files=[pattern]) == {"m-Q4_K_M.gguf"}


def test_a_word_that_fits_several_is_ambiguous_and_a_pattern_is_meant() -> None:
    assert refusal(*QUANTS, files=["Q4_K"]).code == "ambiguous_files"
    assert chosen(*QUANTS, "m-Q4_K.gguf", files=["Q4_K"]) == {"m-Q4_K.gguf"}
    assert chosen(*QUANTS, files=["*Q4_K*"]) == {"m-Q4_K_M.gguf", "m-Q4_K_S.gguf"}
    assert chosen(*QUANTS, files=["Q8_0", "Q4_K_S"]) == {"m-Q8_0.gguf", "m-Q4_K_S.gguf"}


def test_a_pattern_without_a_match_is_refused_with_what_there_is() -> None:
    error = refusal(*QUANTS, files=["Q5_K_M"])
    assert error.param == "files"
    assert "m-Q8_0.gguf" in error.message


PARTS = (
    "Q8/m-Q8_0-00001-of-00003.gguf",
    "Q8/m-Q8_0-00002-of-00003.gguf",
    "Q8/m-Q8_0-00003-of-00003.gguf",
)


def test_parts_come_together() -> None:
    assert chosen(*PARTS, "README.md") == set(PARTS)
    assert chosen(*PARTS, *QUANTS, files=["m-Q8_0-00002-of-00003.gguf"]) == set(PARTS)
    assert chosen(*PARTS, "m-Q4_0.gguf", files=["Q8_0"]) == set(PARTS)
    assert "3 parts" in refusal(*PARTS, "m-Q4_0.gguf").message
    assert "lacks parts" in refusal(*PARTS[:2]).message


def test_a_model_that_sees_brings_its_projector() -> None:
    projectors = ("mmproj-F32.gguf", "mmproj-F16.gguf", "mmproj-BF16.gguf")
    assert chosen("m-Q8_0.gguf", *projectors) == {"m-Q8_0.gguf", "mmproj-F16.gguf"}
    assert chosen(*QUANTS, *projectors, files=["Q8_0"]) == {"m-Q8_0.gguf", "mmproj-F16.gguf"}
    assert chosen(*QUANTS, *projectors, files=["Q8_0", "mmproj-F32.gguf"]) == {
        "m-Q8_0.gguf",
        "mmproj-F32.gguf",
    }
    assert chosen("m-Q8_0.gguf", *projectors, exclude=["*mmproj*"]) == {"m-Q8_0.gguf"}
    assert chosen(*QUANTS, *projectors, to="mmproj") == {"mmproj-F16.gguf"}


def test_a_pipeline_for_images_comes_once() -> None:
    parts = (
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    )
    others = (
        "sd.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin",
        "vae_decoder/model.onnx",
    )
    assert chosen(*parts, *others, to="image") == set(parts)
    assert chosen("sd.safetensors", "README.md", to="image") == {"sd.safetensors"}
    assert refusal("a.safetensors", "b.safetensors", to="image").code == "ambiguous_files"


def test_a_checkpoint_of_whisper_is_one_file() -> None:
    assert chosen("tiny.pt", "config.json", to="whisper") == {"tiny.pt"}
    assert refusal("tiny.pt", "base.pt", to="whisper").code == "ambiguous_files"
    assert chosen("tiny.pt", "base.pt", files=["base"], to="whisper") == {"base.pt"}


def test_excluding_everything_is_refused() -> None:
    assert refusal("m-Q8_0.gguf", files=["Q8_0"], exclude=["*"]).param == "exclude"


@pytest.mark.parametrize(
    "path",
    ["../x.safetensors", "a/../../x.safetensors", "/x.safetensors", "a//x.safetensors", "./x.safetensors", "a\\..\\x.safetensors",
     "C:x.safetensors", "x\n.safetensors", "x\0.safetensors", "\ud800.safetensors", "a" * 300 + ".safetensors", "a/" * 600 + "x.safetensors"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ModelError, match="cannot be used here"):
        chosen("config.json", path)


@pytest.mark.parametrize(
    ("size", "digest"),
    [(-1, "a" * 64), (5, ""), (5, "../../x"), (5, "a" * 40), (5, "A" * 64), (5, "g" * 64)],
)
def test_a_file_without_a_size_or_a_checksum_is_refused(size: int, digest: str) -> None:
    listed = RemoteRepository("org/name", "0" * 40, (RemoteFile("m.gguf", size, "sha256", digest),))
    with pytest.raises(ModelError, match="no size or checksum"):
        choose_files(listed, parse_wanted("org/name"))


def test_too_many_files_are_refused() -> None:
    listed = RemoteRepository(
        "org/name", "0" * 40, tuple(remote(f"{i}.safetensors") for i in range(2001))
    )
    with pytest.raises(RequestError, match="at most"):
        choose_files(listed, parse_wanted("org/name"))
