"""The benchmark compares like with like: its yardstick writes the records that the connector writes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from benchmark import erp
from benchmark.measured import working
from benchmark.pages import ENTITY, LINES, TABLE, catalog, serving
from benchmark.process import PYTHON, options, run

from .harness import discover
from .processes import forked

ROWS = 2_345
# What a row says besides its columns, which a bare loop passes on as well, and the empty object for custom fields.
BESIDE_COLUMNS = {"rowNumber", "custom"}


def records(written: bytes | str) -> list[dict[str, Any]]:
    messages = [json.loads(line, parse_float=Decimal) for line in written.splitlines()]
    rows = [message["record"]["data"] for message in messages if message["type"] == "RECORD"]
    return [{name: row[name] for name in row.keys() - BESIDE_COLUMNS} for row in rows]


@pytest.mark.parametrize("how", [(), ("--real",)])
@pytest.mark.parametrize(("stream", "count"), [(ENTITY, ROWS), (LINES, 10 * ROWS), (TABLE, ROWS)])
def test_the_yardstick_writes_the_same_records(tmp_path: Path, stream: str, count: int, how: tuple[str, ...]) -> None:
    with serving(ROWS, *how) as settings:
        config = options(tmp_path, config=settings)
        loop = [PYTHON, "-m", "benchmark.yardstick", *config, "--page-rows", "500", "--stream", stream]
        expected = records(run(loop)[1])
        assert len(expected) == count
        for mode in ("full_refresh", "incremental"):
            configured = catalog(stream, sync_mode=mode)
            with forked(tmp_path, "read", config=settings, catalog=configured) as process:
                written, _ = process.communicate()
            assert process.returncode == 0
            assert records(written) == expected


def test_the_erp_with_a_long_description_can_be_discovered() -> None:
    with erp.serving(["Company"], 0.1) as instance:
        assert "dac__SOOrder" in discover({**instance.config, "dac_tables": ["SOOrder"]})


def test_both_sides_of_a_ratio_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    with serving(ROWS) as settings, working("yardstick") as yardstick, working("connector") as connector:
        config = options(tmp_path, config=settings, catalog=catalog(ENTITY))
        for worker, arguments in [
            (yardstick, ["--stream", ENTITY, "--page-rows", "500", *config[:2]]),
            (connector, ["read", *config]),
        ]:
            spent = [worker.run(arguments) for _ in range(2)]
            assert all(each.cpu_seconds > 0 for each in spent)
        with urlopen(f"{settings['instance_url']}/pages-sent") as answer:
            assert int(answer.read()) >= 2 * 2 * ROWS / 5_000
