"""Piper and Kokoro voices without training: graphs with the true inputs and outputs, that make a tone for each phoneme."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

PIPER_RATE = 16_000
PIPER_HOP = 800
KOKORO_RATE = 24_000
KOKORO_HOP = 1_200
STYLE_SIZE = 256
MARKS = "_^$ !'(),-.:;?"
LETTERS = "abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔəɚɛɜɡɪɫɹɾʁʃʊʌʒʔˈˌːθχᵻ̃"


def add_piper(folder: Path, name: str = "en_US-tone-low", **config: Any) -> Path:
    """`num_speakers` and `speaker_id_map` make it one of several speakers, each an octave apart."""
    has_speakers = config.get("num_speakers", 1) > 1
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(_piper_graph(has_speakers), path)
    path.with_name(f"{path.name}.json").write_text(json.dumps(piper_config(**config)))
    return path


def piper_config(**changes: Any) -> dict[str, Any]:
    ids = {char: [place] for place, char in enumerate(MARKS + LETTERS)}
    return {
        "audio": {"sample_rate": PIPER_RATE, "quality": "low"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": ids,
        "num_symbols": len(ids),
        "num_speakers": 1,
        "speaker_id_map": {},
        **changes,
    }


def add_kokoro(folder: Path, *voices: str, version: str = "-v1.0") -> Path:
    """Each voice has a base pitch of its own, in the first number of its style vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"kokoro{version}.onnx"
    onnx.save(_kokoro_graph(), path)
    styles = {}
    for place, voice in enumerate(voices):
        styles[voice] = np.zeros((510, 1, STYLE_SIZE), np.float32)
        styles[voice][:, :, 0] = 100.0 * 2**place
    with (folder / f"voices{version}.bin").open("wb") as file:
        np.savez(file, **styles)
    return path


def _value(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, value: Any) -> Any:
    return onnx.numpy_helper.from_array(np.asarray(value), name)


def _tones(rate: int, hop: int) -> tuple[list[Any], list[Any]]:
    """From `ids` (int64, one dimension), `stretch` and `base` (floats) to `audio`: base + 10 Hz for each id, `hop` × `stretch` samples."""
    nodes = [
        helper.make_node("Cast", ["ids"], ["ids_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["ids_f", "ten"], ["steps"]),
        helper.make_node("Add", ["steps", "base"], ["hertz"]),
        helper.make_node("Mul", ["hertz", "per_sample"], ["omega"]),
        helper.make_node("Mul", ["stretch", "hop"], ["length_f"]),
        helper.make_node("Cast", ["length_f"], ["length"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["length"], ["length_0"]),
        helper.make_node("Range", ["zero", "length_0", "one"], ["time"]),
        helper.make_node("Cast", ["time"], ["time_f"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["omega", "last"], ["column"]),
        helper.make_node("Mul", ["column", "time_f"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "half"], ["loud"]),
    ]
    constants = [
        _constant("ten", np.float32(10)),
        _constant("per_sample", np.float32(2 * np.pi / rate)),
        _constant("hop", np.float32(hop)),
        _constant("zero", np.int64(0)),
        _constant("one", np.int64(1)),
        _constant("last", np.array([1], np.int64)),
        _constant("half", np.float32(0.5)),
    ]
    return nodes, constants


def _piper_graph(has_speakers: bool) -> Any:
    nodes, constants = _tones(PIPER_RATE, PIPER_HOP)
    base: list[Any] = [helper.make_node("Identity", ["hundred"], ["base"])]
    if has_speakers:
        base = [
            helper.make_node("Cast", ["sid"], ["sid_f"], to=TensorProto.FLOAT),
            helper.make_node("Pow", ["two", "sid_f"], ["octaves"]),
            helper.make_node("Mul", ["hundred", "octaves"], ["base"]),
        ]
    nodes = [
        helper.make_node("Reshape", ["input", "flat"], ["ids"]),
        helper.make_node("Gather", ["scales", "one"], ["stretch"]),
        *base,
        *nodes,
        helper.make_node("Reshape", ["loud", "as_output"], ["output"]),
    ]
    constants += [
        _constant("flat", np.array([-1], np.int64)),
        _constant("as_output", np.array([1, 1, -1], np.int64)),
        _constant("hundred", np.float32(100)),
        _constant("two", np.float32(2)),
    ]
    inputs = [
        _value("input", TensorProto.INT64, [1, "phonemes"]),
        _value("input_lengths", TensorProto.INT64, [1]),
        _value("scales", TensorProto.FLOAT, [3]),
    ]
    if has_speakers:
        inputs.append(_value("sid", TensorProto.INT64, [1]))
    output = _value("output", TensorProto.FLOAT, [1, 1, "samples"])
    return _model(nodes, inputs, output, constants)


def _kokoro_graph() -> Any:
    nodes, constants = _tones(KOKORO_RATE, KOKORO_HOP)
    nodes = [
        helper.make_node("Reshape", ["tokens", "flat"], ["ids"]),
        helper.make_node("Reciprocal", ["speed"], ["stretch"]),
        helper.make_node("Reshape", ["style", "flat"], ["style_flat"]),
        helper.make_node("Gather", ["style_flat", "zero"], ["base"]),
        *nodes,
        helper.make_node("Reshape", ["loud", "flat"], ["audio"]),
    ]
    constants.append(_constant("flat", np.array([-1], np.int64)))
    inputs = [
        _value("tokens", TensorProto.INT64, [1, "phonemes"]),
        _value("style", TensorProto.FLOAT, [1, STYLE_SIZE]),
        _value("speed", TensorProto.FLOAT, [1]),
    ]
    return _model(nodes, inputs, _value("audio", TensorProto.FLOAT, ["samples"]), constants)


def _model(nodes: list[Any], inputs: list[Any], output: Any, constants: list[Any]) -> Any:
    graph = helper.make_graph(nodes, "voice", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
