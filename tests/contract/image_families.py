"""Tiny models with random weights of the families that people use, built here and saved as folders: their pictures are noise, but
everything that a call needs is as in the real ones."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.live.launch import ROOT

BUNDLED = ROOT / "user_data" / "image_models" / "tiny-diffusion"
HIDDEN = 32


def _clip(*, has_projection: bool) -> tuple[Any, Any]:
    tokenizer = transformers.CLIPTokenizer.from_pretrained(
        BUNDLED / "tokenizer", local_files_only=True
    )
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        projection_dim=HIDDEN,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    kind = (
        transformers.CLIPTextModelWithProjection if has_projection else transformers.CLIPTextModel
    )
    return tokenizer, kind(config)


def _words() -> Any:
    """A tokenizer of whole words, for encoders that are not CLIP."""
    names = ["<pad>", "</s>", "<unk>", "a", "red", "green", "circle", "square", "on", "the"]
    backend = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )


def _t5() -> Any:
    config = transformers.T5Config(
        vocab_size=32, d_model=HIDDEN, d_kv=8, d_ff=37, num_layers=2, num_heads=4
    )
    return transformers.T5EncoderModel(config)


def _vae(channels: int, **options: Any) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(4, 4),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=32,
        **options,
    )


def _stable_diffusion() -> Any:
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,
        cross_attention_dim=HIDDEN,
        norm_num_groups=4,
    )
    tokenizer, encoder = _clip(has_projection=False)
    return diffusers.StableDiffusionPipeline(
        vae=_vae(4),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1),
        tokenizer=tokenizer,
        text_encoder=encoder,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _stable_diffusion_xl() -> Any:
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 1),
        projection_class_embeddings_input_dim=6 * 8 + HIDDEN,
        cross_attention_dim=2 * HIDDEN,
        norm_num_groups=4,
    )
    first, second = _clip(has_projection=False), _clip(has_projection=True)
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(4),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
        tokenizer=first[0],
        text_encoder=first[1],
        tokenizer_2=second[0],
        text_encoder_2=second[1],
    )


def _stable_diffusion_3() -> Any:
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=HIDDEN,
        caption_projection_dim=32,
        pooled_projection_dim=2 * HIDDEN,
        out_channels=16,
    )
    first, second = _clip(has_projection=True), _clip(has_projection=True)
    config = {"scaling_factor": 1.5, "shift_factor": 0.06, "use_quant_conv": False}
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=_vae(16, **config, use_post_quant_conv=False),
        tokenizer=first[0],
        text_encoder=first[1],
        tokenizer_2=second[0],
        text_encoder_2=second[1],
        tokenizer_3=_words(),
        text_encoder_3=_t5(),
    )


def _flux(*, is_distilled: bool) -> Any:
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=HIDDEN,
        pooled_projection_dim=HIDDEN,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=not is_distilled,
    )
    config = {"scaling_factor": 1.5, "shift_factor": 0.06, "use_quant_conv": False}
    tokenizer, encoder = _clip(has_projection=False)
    return diffusers.FluxPipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=_vae(4, **config, use_post_quant_conv=False),
        tokenizer=tokenizer,
        text_encoder=encoder,
        tokenizer_2=_words(),
        text_encoder_2=_t5(),
    )


FAMILIES: dict[str, Callable[[], Any]] = {
    "sd": _stable_diffusion,
    "sdxl": _stable_diffusion_xl,
    "sd3": _stable_diffusion_3,
    "flux-dev": lambda: _flux(is_distilled=False),
    "flux-schnell": lambda: _flux(is_distilled=True),
}


_LAYERS = 1
"""Of each block of "sd"; the numbers in the names of single files run through all blocks."""


def _unet_name(name: str) -> str:
    """As Stable Diffusion's own code names what diffusers names otherwise."""

    def down(match: re.Match[str]) -> str:
        block, part, layer = int(match[1]), match[2], int(match[3])
        first = 1 + block * (_LAYERS + 1)
        if part == "downsamplers":
            return f"input_blocks.{first + _LAYERS}.0.op"
        return f"input_blocks.{first + layer}.{int(part == 'attentions')}"

    def up(match: re.Match[str]) -> str:
        block, part, layer = int(match[1]), match[2], int(match[3])
        first = block * (_LAYERS + 1)
        if part == "upsamplers":
            return f"output_blocks.{first + _LAYERS}.{2 - block}.conv"
        return f"output_blocks.{first + layer}.{int(part == 'attentions')}"

    name = re.sub(r"^down_blocks\.(\d)\.(\w+)\.(\d)(?:\.conv(?=\.))?", down, name)
    name = re.sub(r"^up_blocks\.(\d)\.(\w+)\.(\d)(?:\.conv(?=\.))?", up, name)
    for old, new in (
        ("mid_block.resnets.0", "middle_block.0"),
        ("mid_block.attentions.0", "middle_block.1"),
        ("mid_block.resnets.1", "middle_block.2"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv_shortcut", "skip_connection"),
    ):
        name = name.replace(old, new)
    if "_block" in name and "transformer_blocks" not in name:
        for old, new in (
            (".norm1.", ".in_layers.0."),
            (".conv1.", ".in_layers.2."),
            (".norm2.", ".out_layers.0."),
            (".conv2.", ".out_layers.3."),
        ):
            name = name.replace(old, new)
    return f"model.diffusion_model.{name}"


def _vae_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{1 - int(m[1])}.upsample", name)
    for old, new in (
        ("mid_block.resnets.0", "mid.block_1"),
        ("mid_block.resnets.1", "mid.block_2"),
        ("mid_block.attentions.0", "mid.attn_1"),
        ("conv_norm_out", "norm_out"),
        ("conv_shortcut", "nin_shortcut"),
        ("to_out.0", "proj_out"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
        ("group_norm", "norm"),
    ):
        name = name.replace(old, new)
    return f"first_stage_model.{name}"


def _text_name(name: str) -> str:
    return f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"


def save_single_file(folder: Path) -> Path:
    """The weights of a saved "sd" in one file as its authors publish them, beside it, and its configuration as `NAME.config/`."""
    renames = {"unet": _unet_name, "vae": _vae_name, "text_encoder": _text_name}
    weights = {
        rename(name): value
        for part, rename in renames.items()
        for file in (folder / part).glob("*.safetensors")
        for name, value in load_file(file).items()
    }
    file = folder.parent / "one.safetensors"
    save_file(weights, file)
    shutil.copytree(
        folder, folder.parent / "one.config", ignore=shutil.ignore_patterns("*.safetensors")
    )
    return file


def save_family(name: str, folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / name
    FAMILIES[name]().save_pretrained(path, safe_serialization=True)
    return path
