"""What the web UI costs those who only use the API, and what a look at a growing reply costs by its length.

    python -m benchmarks.web_ui --reps 6

Two servers in turns, with and without the web UI: from the start to the first token, and memory after that. Then, without a server, the
time that one update of the chat takes while a reply grows to so many words: Markdown, code and a table in turns. README.md says what the
figures mean.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hop import DEMO
from benchmarks.peers import DEFAULT_LAB, OPENMP, PeerOptions, hearth_argv
from benchmarks.processes import ServerCommand, running
from modules.chats.turns import Step, Turn, Version
from modules.ui.chat.turn_view import GrowingView

UI_SETTLES_S = 15
"""For the import of Gradio and the page, which go on after the API's first token."""
PIECE = """\
The fire is **warm**, and `ashes` are grey; see [the hearth](#hearth) for *more* of it.

| wood | hours |
|---|---|
| oak | 4 |

```python
for log in logs:
    burn(log)
```

"""
LENGTHS = (16, 64, 256)
"""Pieces of which a reply is made."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=6)
    parser.add_argument("--port", type=int, default=5060)
    parser.add_argument("--logs", type=Path, default=DEFAULT_LAB / "logs")
    options = parser.parse_args()
    print_starts(options)
    print_updates()


def print_starts(options: argparse.Namespace) -> None:
    starts: dict[bool, list[float]] = {False: [], True: []}
    memory: dict[bool, list[float]] = {False: [], True: []}
    for rep in range(options.reps):
        for has_ui in (False, True) if rep % 2 else (True, False):
            start_s, mib = measure(options, has_ui=has_ui)
            starts[has_ui].append(start_s)
            memory[has_ui].append(mib)
    for title, found in (("start to first token", starts), ("memory", memory)):
        ratios = [b / a for a, b in zip(found[False], found[True], strict=True)]
        low, high = min(ratios), max(ratios)
        print(f"{title}, with to without: {statistics.median(ratios):.2f} ({low:.2f}-{high:.2f})")


def measure(options: argparse.Namespace, *, has_ui: bool) -> tuple[float, float]:
    """Seconds, MiB."""
    peer = PeerOptions(DEMO, options.port, has_ui=has_ui)
    log = options.logs / f"ui-{has_ui}.log"
    command = ServerCommand(
        "hearth", [*hearth_argv(peer), "--no-keep-usage"], options.port, log, OPENMP
    )
    with running(command, DEMO.name) as server:
        time.sleep(UI_SETTLES_S if has_ui else 1)
        return server.first_token_s, server.memory_mib


def print_updates() -> None:
    last = {length: update_s(length) for length in LENGTHS}
    shortest = last[LENGTHS[0]]
    for length, seconds in last.items():
        words = len((PIECE * length).split())
        print(f"an update at {words} words to one at the shortest: {seconds / shortest:.2f}")


def update_s(pieces: int) -> float:
    """Median of the last updates of a reply that grows piece by piece."""
    view = GrowingView(lambda version: Turn("assistant", (version,)), lambda _: "")
    spent = list(updates(view, pieces))
    return statistics.median(spent[-8:])


def updates(view: GrowingView, pieces: int) -> Iterator[float]:
    for count in range(1, pieces + 1):
        version = Version((Step(PIECE * count),))
        began_s = time.perf_counter()
        view.show(version)
        yield time.perf_counter() - began_s


if __name__ == "__main__":
    main()
