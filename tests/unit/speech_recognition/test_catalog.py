import os
from pathlib import Path

import pytest

from modules.core.errors import NotInstalled
from modules.loaders.media_catalog import InstalledMedia, MediaCatalog
from modules.media import build_media
from modules.settings import Settings


def catalog(folder: Path, wanted: str | None = None) -> MediaCatalog:
    settings = Settings(user_data_dir=str(folder), whisper_model=wanted)
    return build_media(settings).transcription.catalog


def test_the_bundled_model_serves_where_nothing_else_is_there(tmp_path: Path) -> None:
    assert catalog(tmp_path).default().name == "tiny-whisper.pt"


def test_a_model_of_ones_own_comes_before_it(tmp_path: Path) -> None:
    own = tmp_path / "whisper_models" / "base.pt"
    own.parent.mkdir()
    own.write_bytes(b"\x80\x02")
    assert catalog(tmp_path).default().name == "tiny-whisper.pt", "it may still be being copied"
    os.utime(own, (0, 0))
    assert catalog(tmp_path).default() == InstalledMedia("base.pt", "whisper", own)


def test_the_settings_may_name_a_model_that_will_be_downloaded(tmp_path: Path) -> None:
    folder = tmp_path / "whisper_models"
    wanted = catalog(tmp_path, "large-v3-turbo").default()
    assert wanted == InstalledMedia("large-v3-turbo.pt", "whisper", folder / "large-v3-turbo.pt")
    assert not folder.exists()
    folder.mkdir()
    assert wanted.path is not None
    wanted.path.touch()
    assert catalog(tmp_path, "large-v3-turbo").default() == wanted, "the same once it is there"


def test_a_request_cannot_name_one_that_is_not_there(tmp_path: Path) -> None:
    assert catalog(tmp_path, "tiny").find("base") is None
    assert catalog(tmp_path).find("tiny") is None


@pytest.mark.parametrize("name", ["huge", "tiny.fr", "../tiny", "openai/whisper-tiny"])
def test_other_names_are_not_downloaded(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotInstalled, match="is not installed"):
        catalog(tmp_path, name).default()


def test_half_a_download_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "whisper_models").mkdir()
    (tmp_path / "whisper_models" / ".download-x7.pt").touch()
    assert [model.name for model in catalog(tmp_path).models()] == ["tiny-whisper.pt"]
