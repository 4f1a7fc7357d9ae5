"""What a user waits for: the whole evaluation, and the commands that do no work."""

import itertools
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.benchmarks.side_by_side import Result
from tests.benchmarks.size import Size
from tests.project_copy import copy_project, kedro

NODE = re.compile(r"^(\d\d:\d\d:\d\d) .*Completed node: (?:\w+\.)*(\w+)$", re.MULTILINE)


def command_line_areas(size: Size) -> Iterator[Result]:
    """Seconds of each command in a fresh copy of the project, against its goal at 10,000 images."""
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        for command, goal in size.commands.items():
            begun = time.perf_counter()
            done = kedro(Path(folder), *command.split())
            seconds = time.perf_counter() - begun
            done.check_returncode()
            yield Result(
                *(f"kedro {command}", profile(done.stdout) or "all", "goal", size.images),
                *(round(seconds, 2), goal, "s", round(goal / seconds, 2), "one run"),
            )


def profile(output: str) -> str:
    """Seconds by kind of node, the five longest, from the times in the log."""
    spent: dict[str, float] = {}
    lines = [(datetime.strptime(t, "%H:%M:%S"), node) for t, node in NODE.findall(output)]
    for (before, _), (after, node) in itertools.pairwise(lines):
        spent[node] = spent.get(node, 0) + (after - before).total_seconds()
    longest = sorted(spent.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{node} {seconds:.0f}" for node, seconds in longest)
