"""Shows two syncs from a simulated ERP as a user would see them, and fails if the tables are not what the ERP holds."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from integration_tests.simulator import Simulator

from .settings import DAY_SECONDS, LICENSED_SEATS, MOST_LINES, ROWS, SETTINGS, TENANTS, TRACKED
from .show import Show
from .sides import Connector, Erp


def _set_up(sim: Simulator, erp: Erp) -> None:
    """Set the ERP's clock a day back, and track what is to be tracked from then on."""
    # So the ERP's next day is today: the connector takes the earlier of this machine's clock and the ERP's, and would
    # not see that a day has passed.
    erp.ask("advance", seconds=-DAY_SECONDS)
    for tenant in map(sim.tenant, TENANTS):
        for table in TRACKED:
            tenant.track(table)


def main() -> int:
    began = time.monotonic()
    print("A small Acumatica ERP runs on this machine, with two tenants that use one licence. The connector is started")
    print("against it as Airbyte would start it, and what arrives is put into tables and compared with the ERP.")
    with (
        Simulator(TENANTS, rows=ROWS, lines=MOST_LINES, seats=LICENSED_SEATS, virtual_directory="/ERP") as sim,
        tempfile.TemporaryDirectory() as folder,
    ):
        erp = Erp(sim.url)
        _set_up(sim, erp)
        show = Show(sim, erp, Connector(Path(folder), erp), sim.config(**SETTINGS))
        show.spec()
        show.check()
        show.failing_check()
        show.discover()
        first_read_at = erp.now()
        first = show.first_read()
        show.work_in_the_erp(first_read_at)
        show.second_read(first)
        show.ask_the_warehouse(Path(folder))
        show.attached_files(Path(folder))
        show.prove_the_books(Path(folder))
        show.draw(Path(folder))
        return show.end(began)


if __name__ == "__main__":
    sys.exit(main())
