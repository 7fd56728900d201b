"""The acts of the demo, in turn: each asks the connector for something, and says whether it is as it has to be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from integration_tests.comparison import differences
from integration_tests.harness import (
    DELETED_AT,
    FULL_REFRESH,
    INCREMENTAL,
    INQUIRY_PREFIX,
    TABLE_PREFIX,
    Destination,
    Key,
    Row,
    configured,
    keys_of,
)
from integration_tests.simulator import Simulator
from integration_tests.warehouse import ROOT, Warehouse

from .changes import Change, changes_between, received_table, tell_changes
from .printing import masked, tell, title
from .settings import (
    BOOKS,
    DAY_SECONDS,
    FOODS,
    FORM,
    FREIGHT,
    HALF_AN_HOUR_SECONDS,
    LICENSED_SEATS,
    MAX_SESSIONS,
    MOST_SHOWN,
    OPEN_ORDERS,
    PERIODS,
    STREAMS,
    TENANTS,
    Place,
)
from .sides import Connector, Erp, Outcome
from .work import CHANGES, EXPECTED, open_lines


@dataclass
class Show:
    """The acts of the demo, in turn; ``complaints`` holds whatever was not as it has to be."""

    sim: Simulator
    erp: Erp
    connector: Connector
    config: dict[str, Any]
    destination: Destination = field(default_factory=Destination)
    complaints: list[str] = field(default_factory=list)
    catalog: dict[str, Any] = field(default_factory=dict)

    def expect(self, is_so: bool, complaint: str) -> None:
        if not is_so:
            self.complaints.append(complaint)
            print(f"  NOT AS IT HAS TO BE: {complaint}")

    # -------------------------------------------------------------------------------------------------- getting ready

    def spec(self) -> None:
        title("1", "Which settings are there?")
        outcome = self.connector.run("spec")
        settings = outcome.only("SPEC")["spec"]["connectionSpecification"]
        required = settings["required"]
        tell(f"required: {', '.join(required)}")
        tell(f"optional: {', '.join(name for name in settings['properties'] if name not in required)}")

    def check(self) -> None:
        title("2", "Do the settings work?")
        tell(f"config.json: {', '.join(f'{name} = {masked(name, value)}' for name, value in self.config.items())}")
        outcome = self.connector.run("check", config=self.config)
        status = outcome.only("CONNECTION_STATUS")["connectionStatus"]
        self._told_logs(outcome, "Endpoints:|tracked:")
        self.expect(status["status"] == "SUCCEEDED", f"the check says {status}")
        tell(f"status: {status['status']}")

    def failing_check(self) -> None:
        title("3", f"And with a wrong password for the tenant {FREIGHT}?")
        wrong = {"tenant": FREIGHT, "password": "not-the-password"}
        tried = self.sim.sign_ins(FREIGHT)
        outcome = self.connector.run("check", config=self.config | {"tenant_credentials": [wrong]})
        tried = self.sim.sign_ins(FREIGHT) - tried
        status = outcome.only("CONNECTION_STATUS")["connectionStatus"]
        self.expect(status["status"] == "FAILED", "the check did not see the wrong password")
        self.expect(tried == 1, f"the wrong password was tried {tried} times, and accounts lock")
        tell(f"status: {status['status']}, after {tried} try")
        tell(status.get("message", ""))

    def discover(self) -> None:
        title("4", "What can be read?")
        catalog = self.connector.run("discover", config=self.config).only("CATALOG")["catalog"]
        streams = {one["name"]: one for one in catalog["streams"]}
        incremental = sum(INCREMENTAL in one["supported_sync_modes"] for one in streams.values())
        details = sum("_line" in one["json_schema"]["properties"] for one in streams.values())
        inquiries, tables = (sum(name.startswith(each) for name in streams) for each in (INQUIRY_PREFIX, TABLE_PREFIX))
        tell(
            f"{len(streams)} streams: {len(streams) - details - inquiries - tables} kinds of records and {details} "
            f"kinds of lines in them, {inquiries} generic inquiries, {tables} tables behind the forms; {incremental} "
            f"can be read by what has changed. {len(STREAMS)} are chosen for this demo."
        )
        # An inquiry does not tell what has left it, so these are read as a whole.
        modes = {name: FULL_REFRESH if name.startswith(INQUIRY_PREFIX) else INCREMENTAL for name in STREAMS}
        chosen = [configured([streams[name]], mode)["streams"] for name, mode in modes.items()]
        self.catalog = {"streams": [one for (one,) in chosen]}

    # -------------------------------------------------------------------------------------------------------- reading

    def read(self) -> Outcome:
        """One sync into the destination's tables, from the state that the one before it left."""
        files: dict[str, Any] = {"config": self.config, "catalog": self.catalog}
        if self.destination.states:
            files["state"] = self.destination.state
        outcome = self.connector.run("read", **files)
        self.expect(outcome.exit_code == 0, f"the read ended with exit code {outcome.exit_code}")
        self.destination.begin(self.catalog)
        for message in outcome.records + outcome.messages:
            self.destination.take(message)
        self.destination.end()
        for error in self.destination.errors:
            self.expect(False, error["message"])
        self._compared()
        return outcome

    def _compared(self) -> None:
        rows = sum(len(self.destination.rows(name)) for name in STREAMS)
        found = differences(self.destination, self.sim, TENANTS)
        tell(
            f"Compared with the ERP, field by field: {rows:,} rows in {len(STREAMS)} tables, {len(found)} differences."
        )
        for difference in found[:20]:
            self.expect(False, difference)

    def _told_logs(self, outcome: Outcome, pattern: str) -> None:
        for one in outcome.messages:
            if one["type"] == "LOG" and re.search(pattern, one["log"]["message"]):
                tell(f"log: {one['log']['message']}")

    def first_read(self) -> Outcome:
        title("5", "The first read: everything, of both tenants")
        outcome = self.read()
        by_record = {warning.split(":")[0] for warning in outcome.warnings if "one request per record" in warning}
        streams = sorted({where.rpartition(" ")[2] for where in by_record})
        tell(f"Three tables the ERP cannot list in one go, so they came record by record: {', '.join(streams)}.")
        self.expect(len(streams) == 3, f"{streams} were read record by record")
        return outcome

    def second_read(self, first: Outcome) -> None:
        title("7", "The second read: what has changed, from where the first one ended")
        self._told_state()
        before = self._by_key()
        second = self.read()
        received_table(first, second, self.catalog)
        self._told_summary(second)
        after = self._by_key()
        changes = list(changes_between(before, after, self._deleted(second)))
        title("8", "What is new in the tables, or has changed")
        tell_changes(change for change in changes if change.what in ("new", "changed"))
        self._told_unstamped(before, after)
        self._told_logs(second, "stream SalesOrder: .* what is linked was changed")
        title("9", "What is gone from the tables")
        tell_changes(change for change in changes if change.what not in ("new", "changed"))
        tell(
            "'deleted': the row came again, as deleted. The ERP does not say when it flagged the customer, nor when "
            "the journal batch went: the time is that of the last change, or that at which the row was missed. Left "
            "out are lines that their record no longer has, and what an inquiry, read as a whole, no longer shows."
        )
        self._told_untracked(changes)
        self._told_logs(second, "stream JournalTransaction: .* [1-9][0-9]* rows are gone")
        found = Counter((change.stream, change.what) for change in changes)
        self.expect(not found - EXPECTED, f"these changes should not be: {dict(found - EXPECTED)}")
        self.expect(not EXPECTED - found, f"these changes are missing: {dict(EXPECTED - found)}")

    def _told_unstamped(self, before: Mapping[Place, Row], after: Mapping[Place, Row]) -> None:
        """What was changed though its stamp is what it was: one order, whose address was changed."""
        orders = [(after[place], row) for place, row in before.items() if place[0] == "SalesOrder" and place in after]
        found = [row for row, was in orders if row != was and row["LastModified"] == was["LastModified"]]
        for row in found:
            tell(
                f"The new address of the order {row['OrderType']} {row['OrderNbr']} has arrived, although the order's "
                f"own stamp is still {row['LastModified'][:19]} (UTC): changes of what is linked to it were asked for."
            )
        self.expect(len(found) == 1, f"{len(found)} orders were changed without a new stamp")

    def _told_summary(self, outcome: Outcome) -> None:
        """Of the table at the end of the log, what is of orders, and the sum."""
        logs = (one["log"]["message"] for one in outcome.messages if one["type"] == "LOG")
        lines = [line for line in logs if line.count(" | ") == 4]
        tell("The log ends with what came of each stream and tenant, and what is missing, here of orders and in all:")
        for line in lines:
            if re.search(r"waited s|[|] (SalesOrder|dac__SOOrder),|in all", line):
                print(f"  {line}")
        self.expect(len(lines) == 1 + len(STREAMS) * len(TENANTS) + 1, f"the table has {len(lines)} lines")
        codes = [row["CustomerByCustomerID"] for row in self.destination.rows("dac__SOOrder")]
        self.expect(any(each and each["AcctCD"] for each in codes), "no order has its customer's code")

    def _told_untracked(self, changes: Iterable[Change]) -> None:
        for one in changes:
            if (one.stream, one.what) == ("JournalTransaction", "deleted"):
                tell(
                    f"The deletion of the journal batch {' '.join(one.name)} has arrived, although the ERP keeps no "
                    "trace of it: once a day, all keys are compared with those read before."
                )

    def _told_state(self) -> None:
        parts = self.destination.states["Customer"]["stream"]["stream_state"]["states"]
        reached = [f"{part['partition']['tenant']} up to {next(iter(part['cursor'].values()))[:19]}" for part in parts]
        tell(f"state.json holds how far each table of each tenant was read; Customer: {', '.join(reached)} (UTC).")

    def _by_key(self) -> dict[Place, Row]:
        """The rows as they are now, by stream and key."""
        return {(name, self._key(name, row)): row for name in STREAMS for row in self.destination.rows(name)}

    def _deleted(self, outcome: Outcome) -> dict[Place, str]:
        """When the rows were deleted that came as deleted."""
        rows = ((one["record"]["stream"], one["record"]["data"]) for one in outcome.records)
        return {(name, self._key(name, row)): row[DELETED_AT] for name, row in rows if row.get(DELETED_AT)}

    def _key(self, stream: str, row: Row) -> Key:
        return tuple(row[name] for name in keys_of(self.destination.catalog[stream]))

    # --------------------------------------------------------------------------------------------------- what happens

    def work_in_the_erp(self, first_read_at: datetime) -> None:
        title("6", "A day of work in the ERP")
        self.erp.ask("advance", seconds=HALF_AN_HOUR_SECONDS)
        for change in CHANGES:
            tell(f"- {change(self.erp, first_read_at)}", indent="    ")
        self.erp.ask("advance", seconds=DAY_SECONDS - HALF_AN_HOUR_SECONDS)

    def ask_the_warehouse(self, folder: Path) -> None:
        title("10", "What a finance person asks: the open orders of each customer, with their lines")
        warehouse = Warehouse(folder)
        executable = Path(sys.executable).with_name("source-acumatica")
        found = warehouse.sync(executable, self.config, ["Customer", "SalesOrder", "SalesOrder__Details"])
        self.expect("records" in found, f"PyAirbyte did not read: {found}")
        tell(f"PyAirbyte reads three of the tables into a DuckDB file: {found['records']:,} rows. There:")
        print("\n" + textwrap.indent(OPEN_ORDERS, "    "))
        lines = warehouse.query(OPEN_ORDERS)
        print(f"  {'customer':<26}{'tenant':<12}{'order':<10}{'item':<16}{'quantity':>10}{'price':>12}{'amount':>14}")
        for row in lines[:MOST_SHOWN]:
            about = f"  {row['customer']:<26.25}{row['tenant']:<12}{row['ordernbr']:<10}{row['item'] or '':<16}"
            print(about + f"{row['quantity']:>10}{row['price']:>12}{row['amount']:>14}")
        amount = sum(Decimal(row["amount"]) for row in lines)
        tell(f"... of {len(lines)} lines with {amount:,} in all.")
        truth = [each for tenant in TENANTS for each in open_lines(self.erp, tenant)]
        self.expect((len(lines), amount) == (len(truth), sum(truth)), f"the ERP has {len(truth)} lines, {sum(truth)}")

    def attached_files(self, folder: Path) -> None:
        title("11", "And the files that are attached to the orders")
        self.erp.add_file(
            FOODS, "SalesOrder", self.sim.tenant(FOODS).keys("SalesOrder")[0], "signed order.pdf", 1_500_000
        )
        os.environ["AIRBYTE_STAGING_DIRECTORY"] = str(folder)
        config = {**self.config, "endpoints": ["Default"], "generic_inquiries": [], "dac_tables": []}
        config |= {"dac_linked_columns": [], "include_attachments": True}
        catalog = self.connector.run("discover", config=config).only("CATALOG")["catalog"]
        stream = next(one for one in catalog["streams"] if one["name"] == "SalesOrder__files")
        chosen = configured([stream], FULL_REFRESH)
        chosen["streams"][0]["include_files"] = True
        outcome, destination = self.connector.run("read", config=config, catalog=chosen), Destination()
        destination.begin(chosen)
        for message in outcome.records + outcome.messages:
            destination.take(message)
        destination.end()
        found = {(row["_tenant"], row["id"], *row.file[1:]) for row in destination.rows("SalesOrder__files")}
        truth = {
            (one, file.id, file.size, file.hash)
            for one in TENANTS
            for *_, file in self.sim.tenant(one).files("SalesOrder")
        }
        self.expect(found == truth, f"{len(found ^ truth)} files are not those of the ERP")
        size = sum(each[2] for each in found)
        tell(
            f"{len(found)} files, {size / 1e6:.1f} MB, each staged as a whole beside its record, and what the ERP has."
        )

    def prove_the_books(self, folder: Path) -> None:
        title("12", "What a controller asks: do the books balance, from the copy alone?")
        config = {**self.config, **BOOKS, "dac_linked_columns": []}
        warehouse, streams = Warehouse(folder), [f"dac__{name}" for name in BOOKS["dac_tables"]]
        streams += [f"{FORM}__Results", "JournalTransaction", "JournalTransaction__Details"]
        read = warehouse.sync(Path(sys.executable).with_name("source-acumatica"), config, streams)
        self.expect("records" in read, f"PyAirbyte did not read: {read}")
        sums = (
            "SELECT COUNT(*) AS lines, SUM(DebitAmt) AS debit, SUM(CreditAmt) AS credit FROM dac__GLTran WHERE Posted"
        )
        (posted,) = warehouse.query(sums)
        rows = warehouse.query(f"SELECT COUNT(*) AS count FROM {FORM}__Results")[0]["count"]
        tell(
            f"PyAirbyte reads the journal lines, the account history, and the form Account Summary, asked for "
            f"{len(PERIODS)} periods: {posted['lines']} posted lines with {Decimal(posted['debit']):,.4f} in debit and "
            f"in credit, {rows} rows of the form. The queries of docs/books.md find:"
        )
        page = (ROOT / "docs" / "books.md").read_text(encoding="utf-8")
        for name, sql in re.findall(r"^## (\d.*?)$.*?```sql\n(.*?)```", page, flags=re.DOTALL | re.MULTILINE):
            found = warehouse.query(sql)
            print(f"    {name:<56}{len(found)} differences")
            self.expect(not found, f"{name}: {found[:3]}")

    def draw(self, folder: Path) -> None:
        title("13", "How do the tables belong together?")
        path = folder / "config.json"
        path.write_text(json.dumps({**self.config, **BOOKS, "dac_linked_columns": []}), encoding="utf-8")
        names = ["SalesOrder", "SalesOrder__Details", "Customer", "dac__GL*", "dac__Account"]
        print(f"\n$ python -m source_acumatica.erd --config config.json {' '.join(names)}")
        command = [sys.executable, "-m", "source_acumatica.erd", "--config", str(path), *names]
        drawn = subprocess.run(command, capture_output=True, text=True, check=False)
        self.expect(drawn.returncode == 0, drawn.stderr)
        tell(f"{drawn.stdout.count('Table ')} tables as DBML, and the joins between them:")
        joins = re.findall(r"^// .*\nRef: .*$", drawn.stdout, flags=re.MULTILINE)
        self.expect(len(joins) > 3, "there are hardly any joins")
        print("\n" + textwrap.indent("\n".join(joins), "    "))

    def end(self, began: float) -> int:
        title("14", "In the end")
        stats = self.erp.ask("stats")
        tell(
            f"{stats['requests']:,} requests. Seats of the licence used at once: {stats['peak_sessions']} at most "
            f"({MAX_SESSIONS} allowed in the settings, {LICENSED_SEATS} licensed); opened {stats['opened_sessions']}, "
            f"left open {stats['open_sessions']}. {time.monotonic() - began:.0f} seconds in all."
        )
        self.expect(stats["open_sessions"] == 0, "a seat was left taken")
        self.expect(stats["peak_sessions"] <= MAX_SESSIONS, "more seats were used than allowed")
        if self.complaints:
            tell(f"{len(self.complaints)} THINGS ARE NOT AS THEY HAVE TO BE:")
            for complaint in self.complaints:
                tell(f"- {complaint}", indent="    ")
            return 1
        tell("Every table is what the ERP holds.")
        return 0
