"""Shows two syncs from a simulated ERP as a user would see them, and fails if the tables are not what the ERP holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson

from .comparison import differences
from .harness import (
    DELETED_AT,
    FULL_REFRESH,
    INCREMENTAL,
    INQUIRY_PREFIX,
    TABLE_PREFIX,
    Destination,
    Key,
    Message,
    Row,
    configured,
    keys_of,
)
from .simulator import Simulator
from .warehouse import ROOT, Warehouse

# The stream and the key of a row.
Place = tuple[str, Key]

WIDTH = 110
FOODS, FREIGHT = TENANTS = ("Foods", "Freight Co")
# The licence of the simulated ERP, and how much of it the connector may use.
LICENSED_SEATS, MAX_SESSIONS = 4, 2
HALF_AN_HOUR_SECONDS, DAY_SECONDS = 1800, 86_400
ROWS, MOST_LINES = 300, 4

STREAMS = (
    "Customer",
    "StockItem",
    "SalesOrder",
    "SalesOrder__Details",
    "Invoice",
    "Payment",
    "Payment__ApplicationHistory",
    "JournalTransaction",
    "JournalTransaction__Details",
    "Currency",
    "Subaccount",
    "MANUFACTURING__BillOfMaterial",
    "MANUFACTURING__BillOfMaterial__Operations",
    "MANUFACTURING__BillOfMaterial__Operations__Material",
    "gi__Open Orders 2.0",
    "gi__BI-Customers",
    "dac__SOOrder",
    "dac__SOLine",
    "dac__ARTran",
)
SETTINGS = {
    "endpoints": ["Default", "MANUFACTURING"],
    "generic_inquiries": ["Open Orders*", "BI-*"],
    "dac_tables": ["SOOrder", "SOLine", "ARTran"],
    "dac_linked_columns": ["SOOrder.CustomerByCustomerID.AcctCD"],
    "track_deletions": True,
    "compare_keys_hours": 24,
    "track_linked_changes": True,
    "max_sessions": MAX_SESSIONS,
}
# What proves that the books balance: the form is asked for each period.
FORM, PERIODS = "AccountSummaryInquiry", ("112024", "122024", "012025", "022025", "032025")
BOOKS = {
    "dac_tables": ["GLTran", "GLHistory", "Account", "Branch", "Ledger"],
    "inquiry_parameters": [
        {"inquiry": FORM, "name": "Ledger", "value": "ACTUAL"},
        *({"inquiry": FORM, "name": "Period", "value": period} for period in PERIODS),
    ],
}
# What the ERP keeps the deletions of. Customers are not among them: those it only flags; journal batches just go.
TRACKED = ("SOOrder", "SOLine", "ARInvoice", "ARPayment", "InventoryItem")
# Lines as they are now are those that are not older than their order, and what is deleted says when.
OPEN_ORDERS = """\
SELECT customer.CustomerName AS customer, line._tenant AS tenant, head.OrderNbr, line.InventoryID AS item,
       CAST(line.OrderQty AS DECIMAL(18, 2)) AS quantity, CAST(line.UnitPrice AS DECIMAL(18, 2)) AS price,
       CAST(line.OrderQty * line.UnitPrice AS DECIMAL(18, 2)) AS amount
FROM SalesOrder AS head
JOIN Customer AS customer ON customer._tenant = head._tenant AND customer.CustomerID = head.CustomerID
JOIN SalesOrder__Details AS line
  ON line._tenant = head._tenant AND line._parent_id = head.id AND line._parent_modified >= head.LastModified
WHERE head.Status = 'Open' AND head._ab_cdc_deleted_at IS NULL
ORDER BY customer, tenant, head.OrderNbr, line._line
"""
MOST_SHOWN = 12
# What people call a row whose key is its NoteID.
NAMED_BY = {
    "Customer": ("CustomerID",),
    "StockItem": ("InventoryID",),
    "SalesOrder": ("OrderType", "OrderNbr"),
    "Invoice": ("Type", "ReferenceNbr"),
    "Payment": ("Type", "ReferenceNbr"),
    "JournalTransaction": ("Module", "BatchNbr"),
    "dac__SOOrder": ("OrderType", "OrderNbr"),
    "dac__SOLine": ("OrderType", "OrderNbr", "LineNbr"),
    "dac__ARTran": ("TranType", "RefNbr", "LineNbr"),
}
# What is told of a new row.
TOLD = {
    "SalesOrder": ("CustomerID", "OrderTotal"),
    "SalesOrder__Details": ("OrderQty", "UnitPrice"),
    "Invoice": ("Customer", "Amount"),
    "gi__Open Orders 2.0": ("Customer", "OrderTotal"),
    "dac__SOOrder": ("CustomerID", "CustomerByCustomerID", "CuryOrderTotal"),
    "dac__SOLine": ("OrderQty", "CuryUnitPrice"),
    "dac__ARTran": ("Qty", "CuryTranAmt"),
}


# ------------------------------------------------------------------------------------------------------- the two sides


class Erp:
    """The simulated ERP, asked and changed from outside, as people at their forms would."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, verb: str, **content: Any) -> Any:
        body = orjson.dumps(content, default=lambda number: orjson.Fragment(str(number)))
        with urlopen(Request(f"{self._url}/_simulator/{verb}", body)) as answer:
            return json.loads(answer.read())

    def now(self) -> datetime:
        return datetime.fromisoformat(self.ask("advance", seconds=0)["now"])

    def add(self, tenant: str, entity: str, values: Mapping[str, Any], stamp: datetime | None = None) -> None:
        self.ask("insert", tenant=tenant, entity=entity, values=values, stamp=stamp)

    def change(self, tenant: str, entity: str, key: Sequence[str], **values: Any) -> None:
        self.ask("update", tenant=tenant, entity=entity, key=key, values=values)

    def change_silently(self, tenant: str, entity: str, key: Sequence[str], **values: Any) -> None:
        """Change what is linked to a record: the record keeps its stamp."""
        self.ask("update_silently", tenant=tenant, entity=entity, key=key, values=values)

    def post(self, tenant: str, key: Sequence[str]) -> None:
        self.ask("post", tenant=tenant, key=key)

    def delete(self, tenant: str, entity: str, key: Sequence[str]) -> None:
        self.ask("delete", tenant=tenant, entity=entity, key=key)

    def add_file(self, tenant: str, entity: str, key: Sequence[str], filename: str, size: int) -> None:
        self.ask("attach", tenant=tenant, entity=entity, key=key, filename=filename, size=size)

    def find(self, tenant: str, entity: str, **wanted: Any) -> Iterator[Row]:
        """The records with these values."""
        for row in self.ask("rows", tenant=tenant, entity=entity):
            if all(row[name] == value for name, value in wanted.items()):
                yield row


@dataclass
class Outcome:
    """What one command of the connector came to."""

    exit_code: int = 0
    seconds: float = 0.0
    requests: int = 0
    seats_left: int = 0
    messages: list[Message] = field(default_factory=list)
    records: list[Message] = field(default_factory=list)

    def only(self, kind: str) -> Message:
        for one in self.messages:
            if one["type"] == kind:
                return one
        raise SystemExit(f"The connector did not answer with a {kind}: {self.messages[-1:]}")

    @property
    def warnings(self) -> list[str]:
        logs = [one["log"] for one in self.messages if one["type"] == "LOG"]
        return [log["message"] for log in logs if log["level"] == "WARN"]


@dataclass
class Connector:
    """Starts the connector as Airbyte does: one process for a command, files in, a JSON message a line out."""

    folder: Path
    erp: Erp

    def run(self, command: str, **files: Any) -> Outcome:
        arguments = [command]
        for name, content in files.items():
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        shown = " ".join(Path(each).name if each.endswith(".json") else each for each in arguments)
        print(f"\n$ source-acumatica {shown}")
        before, began = self.erp.ask("stats"), time.monotonic()
        outcome = _started([sys.executable, "-m", "source_acumatica.run", *arguments])
        after = self.erp.ask("stats")
        outcome.seconds = time.monotonic() - began
        outcome.requests = after["requests"] - before["requests"]
        outcome.seats_left = after["open_sessions"]
        print(
            f"  {outcome.seconds:.1f} s, {outcome.requests:,} requests to the ERP, exit code {outcome.exit_code}, "
            f"seats taken afterwards: {outcome.seats_left}"
        )
        return outcome


def _started(command: Sequence[str]) -> Outcome:
    outcome = Outcome()
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line, parse_float=Decimal)
            (outcome.records if message["type"] == "RECORD" else outcome.messages).append(message)
    outcome.exit_code = process.returncode
    return outcome


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
        tell(f"config.json: {', '.join(f'{name} = {_masked(name, value)}' for name, value in self.config.items())}")
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
        _received_table(first, second, self.catalog)
        self._told_summary(second)
        after = self._by_key()
        changes = list(_changes(before, after, self._deleted(second)))
        title("8", "What is new in the tables, or has changed")
        _told_changes(change for change in changes if change.what in ("new", "changed"))
        self._told_unstamped(before, after)
        self._told_logs(second, "stream SalesOrder: .* what is linked was changed")
        title("9", "What is gone from the tables")
        _told_changes(change for change in changes if change.what not in ("new", "changed"))
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
        truth = [each for tenant in TENANTS for each in _open_lines(self.erp, tenant)]
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


# ------------------------------------------------------ a day of work: each changes the ERP, and returns what it did


def _new_order(erp: Erp, _: datetime) -> str:
    lines = [
        {"LineNbr": 1, "InventoryID": "AAITEM0000001", "OrderQty": Decimal("10.000000"), "UnitPrice": Decimal("12.50")},
        {"LineNbr": 2, "InventoryID": "AAITEM0000002", "OrderQty": Decimal("4.000000"), "UnitPrice": Decimal("31.25")},
    ]
    order = {"OrderType": "SO", "OrderNbr": "900001", "CustomerID": "C000001", "Status": "Open"}
    erp.add(FOODS, "SalesOrder", {**order, "OrderTotal": Decimal("250.00"), "Details": lines})
    return f"{FOODS}: a new sales order, SO 900001, with two lines."


def _customer_on_hold(erp: Erp, _: datetime) -> str:
    key = next(erp.find(FOODS, "Customer", Status="Active"))["CustomerID"]
    erp.change(FOODS, "Customer", [key], Status="On Hold", CreditLimit=Decimal("5000.000000"))
    return f"{FOODS}: the customer {key} is put on hold, its credit limit lowered to 5,000."


def _posted_batch(erp: Erp, _: datetime) -> str:
    batch = next(erp.find(FOODS, "JournalTransaction", Status="Unposted", Module="GL"))
    key = [batch["Module"], batch["BatchNbr"]]
    erp.post(FOODS, key)
    return f"{FOODS}: the journal batch {' '.join(key)} is posted."


def _late_invoice(erp: Erp, first_read_at: datetime) -> str:
    invoice = {"Type": "Invoice", "ReferenceNbr": "AR900001", "Customer": "C000002", "Status": "Open"}
    erp.add(FOODS, "Invoice", {**invoice, "Amount": Decimal("80.25")}, stamp=first_read_at - timedelta(minutes=9))
    return (
        f"{FOODS}: the invoice AR900001 appears only now, but is stamped nine minutes before the first read: a long "
        "release was still saving it then."
    )


def _fewer_lines(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FREIGHT, 3)
    erp.change(FREIGHT, "SalesOrder", key, Details=[{"OrderQty": Decimal("7.000000")}, {}])
    return f"{FREIGHT}: in the order {' '.join(key)} the quantity of line 1 becomes 7, and line 3 is removed."


def _no_lines(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FREIGHT, 2)
    erp.change(FREIGHT, "SalesOrder", key, Details=[], Status="Completed")
    return f"{FREIGHT}: the order {' '.join(key)} loses both of its lines and is completed."


def _order_with_lines(erp: Erp, tenant: str, lines: int) -> list[str]:
    order = next(one for one in erp.find(tenant, "SalesOrder", Status="Open") if len(one["Details"]) == lines)
    return [order["OrderType"], order["OrderNbr"]]


def _deleted_order(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FOODS, 3)
    erp.delete(FOODS, "SalesOrder", key)
    return f"{FOODS}: the order {' '.join(key)} is deleted, and with it its three lines."


def _deleted_customer(erp: Erp, _: datetime) -> str:
    key = next(erp.find(FREIGHT, "Customer", Status="Inactive"))["CustomerID"]
    erp.delete(FREIGHT, "Customer", [key])
    return f"{FREIGHT}: the customer {key} is deleted. The ERP keeps it, with a flag that hides it."


def _deleted_batch(erp: Erp, _: datetime) -> str:
    batches = erp.find(FOODS, "JournalTransaction", Status="Unposted", Module="GL")
    batch = next(one for one in batches if not one["Details"])
    key = [batch["Module"], batch["BatchNbr"]]
    erp.delete(FOODS, "JournalTransaction", key)
    return (
        f"{FOODS}: the journal batch {' '.join(key)}, still without lines, is deleted. The ERP keeps no trace of it: "
        "its table is not tracked, and has no flag."
    )


def _changed_address(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FOODS, 1)
    erp.change_silently(FOODS, "SalesOrder", key, BillToAddress={"City": "Bern"})
    return (
        f"{FOODS}: the billing address of the order {' '.join(key)} is now in Bern. The ERP stamps the address, and "
        "not the order."
    )


def _voided_payment(erp: Erp, _: datetime) -> str:
    payment = next(one for one in erp.find(FREIGHT, "Payment", Status="Open") if one["ApplicationHistory"])
    key = [payment["Type"], payment["ReferenceNbr"]]
    erp.change(FREIGHT, "Payment", key, Status="Voided")
    return f"{FREIGHT}: the payment {' '.join(key)} is voided."


def _new_price(erp: Erp, _: datetime) -> str:
    erp.change(FREIGHT, "StockItem", ["AAITEM0000003"], DefaultPrice=Decimal("19.900000"))
    return f"{FREIGHT}: the item AAITEM0000003 gets the price 19.90."


CHANGES = (
    _new_order,
    _customer_on_hold,
    _posted_batch,
    _late_invoice,
    _no_lines,
    _fewer_lines,
    _voided_payment,
    _new_price,
    _deleted_order,
    _deleted_customer,
    _deleted_batch,
    _changed_address,
)
EXPECTED = Counter(
    {
        ("SalesOrder", "new"): 1,
        ("SalesOrder__Details", "new"): 2,
        ("gi__Open Orders 2.0", "new"): 1,
        ("dac__SOOrder", "new"): 1,
        ("dac__SOLine", "new"): 2,
        ("Customer", "changed"): 1,
        ("gi__BI-Customers", "changed"): 1,
        ("JournalTransaction", "changed"): 1,
        ("Invoice", "new"): 1,
        ("dac__ARTran", "new"): 2,
        # The order that was completed, and the one with another address.
        ("SalesOrder", "changed"): 1 + 1,
        ("dac__SOOrder", "changed"): 1,
        ("SalesOrder__Details", "changed"): 1,
        ("dac__SOLine", "changed"): 1,
        ("Payment", "changed"): 1,
        ("StockItem", "changed"): 1,
        # The order that was deleted, the one that was completed, and the lines of these and of a third.
        ("SalesOrder", "deleted"): 1,
        ("dac__SOOrder", "deleted"): 1,
        ("gi__Open Orders 2.0", "left out"): 1 + 1,
        ("SalesOrder__Details", "left out"): 3 + 2 + 1,
        ("dac__SOLine", "deleted"): 3 + 2 + 1,
        ("Customer", "deleted"): 1,
        ("JournalTransaction", "deleted"): 1,
        ("gi__BI-Customers", "left out"): 1,
    }
)


def _open_lines(erp: Erp, tenant: str) -> Iterator[Decimal]:
    """The amount of each line of the open orders of customers that exist."""
    names = {row["CustomerID"] for row in erp.find(tenant, "Customer")}
    for order in erp.find(tenant, "SalesOrder", Status="Open"):
        if order["CustomerID"] in names:
            for line in order["Details"]:
                amount = Decimal(str(line["OrderQty"] or 0)) * Decimal(str(line["UnitPrice"] or 0))
                yield amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


# -------------------------------------------------------------------------------------------------- telling the change


@dataclass(frozen=True)
class Change:
    """One row that differs between the first and the second read."""

    stream: str
    tenant: str
    name: tuple[str, ...]
    what: str
    text: str


def _changes(before: Mapping[Place, Row], after: Mapping[Place, Row], deleted: Mapping[Place, str]) -> Iterator[Change]:
    for place in sorted(before | after, key=lambda place: STREAMS.index(place[0])):
        old, new, (stream, key) = before.get(place), after.get(place), place
        row = new or old or {}
        name = [row[each] for each in NAMED_BY[stream]] if stream in NAMED_BY else key[1:]
        if old and new:
            what, text = "changed", ", ".join(_changed_fields(old, new))
        elif new:
            what, text = "new", ", ".join(f"{name} {shown(new[name])}" for name in TOLD.get(stream, ()))
        elif place in deleted:
            what, text = "deleted", f"at {deleted[place][:19]} (UTC)"
        else:
            what, text = "left out", _why_left_out(stream, row, after)
        if text:
            yield Change(stream, key[0], tuple(map(str, name)), what, text)


def _why_left_out(stream: str, row: Row, after: Mapping[Place, Row]) -> str:
    if stream.startswith(INQUIRY_PREFIX):
        return "the inquiry no longer shows it"
    record = stream.rpartition("__")[0], (row["_tenant"], row.get("_parent_id"))
    return "its record came again without it" if record in after else "its record is gone"


def _changed_fields(old: Row, new: Row) -> Iterator[str]:
    was, is_now = dict(_told_fields(old)), dict(_told_fields(new))
    for name in was | is_now:
        if is_now.get(name) != was.get(name):
            yield f"{name} {shown(was.get(name))} -> {shown(is_now.get(name))}"


def _told_fields(row: Row, above: str = "") -> Iterator[tuple[str, Any]]:
    """What a reader wants to know: not stamps, added columns and the ids of lines and contacts, which change always."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _told_fields(value, f"{above}{name}.")
        elif not name.startswith(("_", "LastModified", "Tstamp")) and not (name == "id" and (above or "_line" in row)):
            yield f"{above}{name}", value


def _told_changes(changes: Iterable[Change]) -> None:
    """Rows with one fate are told together, such as the lines of a document."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for one in changes:
        together.setdefault((one.stream, one.tenant, one.what, one.text, one.name[:-1]), []).append(one.name[-1])
    for (stream, tenant, what, text, above), names in together.items():
        start = f"  {stream:<21}{tenant:<12}{' '.join([*above, ', '.join(names)]):<20}{what:<10}"
        print(textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)))


def _received_table(first: Outcome, second: Outcome, catalog: Mapping[str, Any]) -> None:
    counts = [_counted(first), _counted(second)]
    modes = {one["stream"]["name"]: one["sync_mode"] for one in catalog["streams"]}
    print(f"\n  {'rows received':<52}{'first read':^20}   {'second read':^20}")
    print(f"  {'table':<52}{FOODS:>8}{FREIGHT:>12}   {FOODS:>8}{FREIGHT:>12}   later")
    for name in STREAMS:
        cells = "   ".join(f"{count[name, FOODS]:>8,}{count[name, FREIGHT]:>12,}" for count in counts)
        print(f"  {name:<52}{cells}   {'changes' if modes[name] == INCREMENTAL else 'all'}")
    tell(
        "'changes': what was changed since the first read or in the 15 minutes before it, since a record may have been "
        "in the middle of being saved then, each with all its lines; and what was deleted. 'all': these do not say "
        "when they were changed or, as inquiries, what has left them."
    )


def _counted(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter((one["record"]["stream"], one["record"]["data"]["_tenant"]) for one in outcome.records)


# ------------------------------------------------------------------------------------------------------------ printing


def title(number: str, text: str) -> None:
    print(f"\n{f'-- {number}. {text} ':-<{WIDTH}}")


def tell(text: str, indent: str = "  ") -> None:
    print(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=indent))


def shown(value: Any) -> str:
    """Short, on one line, with every digit of a number."""
    return str(value) if isinstance(value, Decimal) else textwrap.shorten(json.dumps(value, ensure_ascii=False), 40)


def _masked(name: str, value: Any) -> str:
    return "****" if name in ("client_secret", "password") else json.dumps(value, ensure_ascii=False)


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
