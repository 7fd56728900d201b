"""What it costs to find out which streams there are, where the description of the tables is as long as a real one."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from integration_tests.simulator.odata.dacs import DACS

from .erp import Download, Erp, serving
from .process import CONNECTOR, PYTHON, Cost, medians, run
from .report import Report

ROUNDS = 3
# A clean site's description of its tables has 20 MB (BEHAVIOR.md, "OData"); this makes one of 20.1 MB.
LARGE_MEGABYTES = 20.2
# Just large enough for the filler tables below.
SMALL_MEGABYTES = 0.04
# Of the filler types, every fourth is without a table: the first, the fifth, ...
TABLES = [*(dac.name for dac in DACS), *(f"Filler{number:04d}" for number in (1, 2, 3))]
MEMORY_LIMIT_MEGABYTES = 150
BARE, SPEC, SMALL = "python -c 'import airbyte_cdk.entrypoint'", "spec", "discover, small"
# The goals.
MOST_SPEC_CPU_SECONDS = 0.4
HEAD = ("", "wall s", "CPU s", "peak MB", "downloads", "MB downloaded")


@dataclass
class Case:
    """A command, and what its runs came to."""

    name: str
    command: Sequence[str]
    erp: Erp | None = None
    costs: list[Cost] = field(default_factory=list)
    downloads: list[list[Download]] = field(default_factory=list)
    """Of descriptions, for each run."""
    tables: set[int] = field(default_factory=set)
    """How many streams of tables a run found."""

    def run(self) -> None:
        """Run the command once more."""
        cost, written = run(self.command)
        self.costs.append(cost)
        self.downloads.append(self.erp.downloads() if self.erp else [])
        if "discover" in self.command:
            self.tables.add(sum(name.startswith("dac__") for name in _streams(written)))


def measure() -> Report:
    """Run all cases in turn, several times: what slows the machine down for a while then slows all of them."""
    with ExitStack() as stack:
        cases = _cases(stack)
        for case in cases:
            run(case.command)  # the first run of all fills caches
            if case.erp:
                case.erp.downloads()
        for _ in range(ROUNDS):
            for case in cases:
                case.run()
    costs = medians({case.name: case.costs for case in cases})
    title = f"Finding out what there is: {len(TABLES)} tables (medians of {ROUNDS} alternating runs)"
    rows = [_row(case, costs[case.name]) for case in cases]
    complaints = [each for case in cases for each in _complaints(case, costs[case.name])]
    spec = costs[SPEC].cpu_seconds
    if spec > MOST_SPEC_CPU_SECONDS:
        complaints.append(f"spec takes {spec:.2f} CPU s, {spec - MOST_SPEC_CPU_SECONDS:.2f} above the goal")
    # A whole discovery takes less than loading the CDK as it comes.
    small, bare = costs[SMALL].cpu_seconds, costs[BARE].cpu_seconds
    if small > bare:
        complaints.append(f"{SMALL} takes {small:.2f} CPU s, and the bare import of the CDK {bare:.2f}")
    return Report(title, HEAD, rows, complaints)


def _cases(stack: ExitStack) -> list[Case]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    small = stack.enter_context(serving(["Company"], SMALL_MEGABYTES))
    large = stack.enter_context(serving(["Company"], LARGE_MEGABYTES))
    two = stack.enter_context(serving(["Company", "Zweite Firma"], LARGE_MEGABYTES))
    files = {name: _config(folder / f"{name}.json", erp) for name, erp in (("s", small), ("l", large), ("t", two))}
    return [
        Case(BARE, (PYTHON, "-c", "import airbyte_cdk.entrypoint")),
        Case(SPEC, (*CONNECTOR, "spec")),
        Case("check, 20 MB", (*CONNECTOR, "check", "--config", files["l"]), large),
        Case(SMALL, (*CONNECTOR, "discover", "--config", files["s"]), small),
        Case("discover, 20 MB", (*CONNECTOR, "discover", "--config", files["l"]), large),
        Case("discover, 20 MB, two tenants", (*CONNECTOR, "discover", "--config", files["t"]), two),
    ]


def _config(path: Path, erp: Erp) -> str:
    path.write_text(json.dumps(erp.config | {"dac_tables": TABLES}), encoding="utf-8")
    return str(path)


def _streams(written: bytes) -> Iterator[str]:
    for line in written.splitlines():
        message = json.loads(line)
        if message["type"] == "CATALOG":
            yield from (stream["name"] for stream in message["catalog"]["streams"])


def _row(case: Case, cost: Cost) -> list[str]:
    traffic = [f"{cost.wall_seconds:.2f}", f"{cost.cpu_seconds:.2f}", f"{cost.peak_megabytes:.0f}"]
    if not case.erp:
        return [case.name, *traffic, "", ""]
    most = max(case.downloads, key=len)
    return [case.name, *traffic, str(len(most)), f"{sum(each.size_bytes for each in most) / 1e6:.1f}"]


def _complaints(case: Case, cost: Cost) -> Iterator[str]:
    if case.name.startswith("discover") and cost.peak_megabytes >= MEMORY_LIMIT_MEGABYTES:
        yield f"{case.name}: {cost.peak_megabytes:.0f} MB of memory are {MEMORY_LIMIT_MEGABYTES} or more"
    if case.tables - {len(TABLES)}:
        yield f"{case.name}: found {sorted(case.tables)} tables instead of {len(TABLES)}"
    for downloads in case.downloads:
        for (tenant, feed), times in Counter((each.tenant, each.feed) for each in downloads).items():
            if times > 1:
                yield f"{case.name}: downloaded the description of {feed} of {tenant} {times} times"
