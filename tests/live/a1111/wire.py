"""Requests and answers of AUTOMATIC1111's API (v1.10), strictly: a field that it does not have is refused."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Mode = Literal[
    "good",
    "fault",  # 500, as the web UI words it
    "quoting",  # 500 with the prompt in every text
    "invalid",  # 422 of pydantic
    "unknown",  # 404 of the web UI's own
    "html",
    "list",
    "endless",
    "bomb",
    "damaged",
    "text",
    "few",
    "many",
    "grid",
    "no info",
    "smaller",
    "hang up",
    "redirect",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Processing(Strict):
    """Fields that both kinds of request have: StableDiffusionProcessing, and what modules/api/models.py adds."""

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] | None = None
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None
    sampler_index: str = "Euler"
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    force_task_id: str | None = None
    infotext: str | None = None


class TextToImage(Processing):
    enable_hr: bool = False
    firstphase_width: int = 0
    firstphase_height: int = 0
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""


class ImageToImage(Processing):
    init_images: list[str] | None = None
    denoising_strength: float | None = 0.75
    resize_mode: int = 0
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_blur: int | None = None
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False


class Pictures(BaseModel):
    images: list[str] | None
    parameters: dict[str, Any]
    info: str


class ProgressOfTask(Strict):
    id_task: str | None = None
    id_live_preview: int = -1
    live_preview: bool = True


class Control(Strict):
    mode: Mode = "good"
    step_s: float = 0.0
