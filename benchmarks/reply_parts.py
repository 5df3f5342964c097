"""What reading and constraining replies costs, as ratios to plain text: python -m benchmarks.reply_parts [--model FILE] [--reps N]

The same prompts and numbers of tokens on one engine in this process: without a layout, with the reader of thinking and calls, with the
grammar of tools in `auto`, and with a JSON schema.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import replace
from pathlib import Path

from modules.core.requests import GenerationRequest, Grammar
from modules.core.sampling import SamplingParams
from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.engine.engine import Engine, LocalEngine
from modules.loaders.registry import LOADERS, default_load_args
from modules.settings import ROOT
from modules.text.call_formats.grammar import build_reply_grammar

DEMO = ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf"
PROMPT = "<|im_start|>user\nTell me a story.<|im_end|>\n<|im_start|>assistant\n"
TOKENS = 128
STREAMS = (1, 8)
WEATHER = Tool(
    "get_weather", "Weather", '{"type": "object", "properties": {"city": {"type": "string"}}}'
)
LIST = '{"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 200}'


def kinds(plain: GenerationRequest) -> dict[str, GenerationRequest]:
    layout = ReplyLayout("hermes", (WEATHER,), ReasoningMarks())
    return {
        "plain": plain,
        "read": replace(plain, layout=layout),
        "tools, auto": replace(plain, layout=layout, grammar=build_reply_grammar(layout)),
        "JSON schema": replace(plain, grammar=Grammar("json_schema", LIST)),
    }


async def tokens_per_second(engine: Engine, request: GenerationRequest, streams: int) -> float:
    began = time.perf_counter()
    done = await asyncio.gather(*(engine.complete(request) for _ in range(streams)))
    return sum(each.usage.completion_tokens for each in done) / (time.perf_counter() - began)


async def measure(model: Path, reps: int) -> None:
    options = default_load_args("llamacpp") | {"threads": 1, "threads_batch": 1}
    engine = LocalEngine(LOADERS["llamacpp"]()(model, model.name, options, lambda _: True))
    ids = engine.tokenizer.encode(PROMPT, add_special=True, parse_special=True)
    sampling = SamplingParams().updated({"ban_eos_token": True, "temperature": 1.0, "seed": 1})
    requests = kinds(GenerationRequest(tuple(ids), TOKENS, sampling))
    for request in requests.values():
        engine.prepare(request)
        await engine.complete(request)
    print("| streams | " + " | ".join(requests) + " |")
    for streams in STREAMS:
        rates: dict[str, list[float]] = {name: [] for name in requests}
        for _ in range(reps):
            for name, request in requests.items():
                rates[name].append(await tokens_per_second(engine, request, streams))
        base = statistics.median(rates["plain"])
        cells = [f"{statistics.median(rates[name]) / base:.2f}" for name in requests]
        print(f"| {streams} | " + " | ".join(cells) + " |")
    engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEMO)
    parser.add_argument("--reps", type=int, default=9)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.model, arguments.reps))


if __name__ == "__main__":
    main()
