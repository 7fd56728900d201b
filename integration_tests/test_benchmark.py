"""The benchmark compares like with like: its yardstick writes the records that the connector writes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmark import erp
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


@pytest.mark.parametrize(("stream", "count"), [(ENTITY, ROWS), (LINES, 10 * ROWS), (TABLE, ROWS)])
def test_the_yardstick_writes_the_same_records(tmp_path: Path, stream: str, count: int) -> None:
    with serving(ROWS) as settings:
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
