"""The generic inquiries that the site exposes: queries its users made, over the records of the contract entities."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integration_tests.simulator.odata.edm import Access, Column, Edm, EntityType, Read
from integration_tests.simulator.odata.row_store import RowStore
from integration_tests.simulator.odata.rows import Row, latest, line, of, padded
from integration_tests.simulator.store.values import Value

Rows = Sequence[Row]
Group = list[Row]


@dataclass(frozen=True)
class Parameter:
    name: str
    type: Edm
    default: Value
    lets_pass: Callable[[Row, Any], bool]


@dataclass(frozen=True)
class GenericInquiry:
    """`group_by` makes one row of all records that agree in it; the columns then read a list of records."""

    title: str
    type: EntityType
    entity: str
    part: str = ""
    where: Callable[[Row], bool] = lambda row: True
    parameters: tuple[Parameter, ...] = ()
    group_by: tuple[Read, ...] = ()
    forbidden: bool = False
    filters_below: bool = False  # of one that groups: `$filter` is a condition on the rows that are grouped

    @property
    def function(self) -> str:
        """What it is called by: the title without what a name in OData cannot have."""
        return re.sub(r"\W", "", self.title) + "_WithParameters"


def inquiry_rows(
    inquiry: GenericInquiry,
    store: RowStore,
    given: Mapping[str, Value],
    keep: Callable[[Sequence[Group]], Sequence[Group]] = lambda rows: rows,
) -> list[Any]:
    """In the order of the records' keys; what is not given has its default, and that may let nothing pass.

    `keep` filters the rows that are grouped, each as a group of its own.
    """
    values = {each.name: given.get(each.name, each.default) for each in inquiry.parameters}
    rows = [row for row in store.records(inquiry.entity, inquiry.part) if inquiry.where(row)]
    for each in inquiry.parameters:
        rows = [row for row in rows if each.lets_pass(row, values[each.name])]
    if not inquiry.group_by:
        return rows
    return _groups([row for group in keep([[row] for row in rows]) for row in group], inquiry.group_by)


def _groups(rows: Rows, reads: Sequence[Read]) -> list[Group]:
    groups: dict[tuple[Any, ...], Group] = {}
    for row in rows:
        groups.setdefault(tuple(read(row) for read in reads), []).append(row)
    return [groups[name] for name in sorted(groups, key=str)]


def _type(title: str, keys: tuple[str, ...], columns: Sequence[Column]) -> EntityType:
    """Captions become property names: without spaces, a digit in front gets `_`, what is there already a number."""
    named: list[Column] = []
    for column in columns:
        name = re.sub(r"^(?=\d)", "_", re.sub(r"\s", "", column.name))
        same = sum(re.sub(r"_\d+$", "", each.name) == name for each in named)
        named.append(Column(f"{name}_{same + 1}" if same else name, column.type, column.read, column.access))
    return EntityType("PX.Data", re.sub(r"\W", "_", title), keys, tuple(named))


def _text(caption: str, read: Read) -> Column:
    return Column(caption, Edm.STRING, read)


def _money(caption: str, read: Read) -> Column:
    return Column(caption, Edm.DECIMAL, read)


def _moment(caption: str, read: Read) -> Column:
    return Column(caption, Edm.DATE_TIME, read)


def _key(name: str, read: Read, edm: Edm = Edm.STRING) -> Column:
    return Column(name, edm, read, Access.APPENDED)


def _formula(caption: str, edm: Edm, read: Read) -> Column:
    return Column(caption, edm, read, Access.FORMULA)


def _customer_label(row: Row) -> str:
    return f"{row.record.value('CustomerID')} - {row.record.value('CustomerName')}"


def _margin(row: Row) -> Decimal:
    price, weight = row.record.value("DefaultPrice"), row.record.value("Weight")
    return Decimal(str(price or 0)) - Decimal(str(weight or 0))


def _first(name: str) -> Read:
    return lambda rows: rows[0].record.value(name)


def _total(name: str) -> Read:
    return lambda rows: sum((row.record.value(name) for row in rows), Decimal())


def _at_least(row: Row, total: Any) -> bool:
    value = row.record.value("OrderTotal")
    return isinstance(value, Decimal) and value >= total


CUSTOMERS = GenericInquiry(
    "BI-Customers",
    _type("BI-Customers", ("CustomerID",), (
        _text("Customer ID", padded(of("CustomerID"), 15)), _text("Customer Name", of("CustomerName")),
        _text("Status", of("Status")), _text("Class", of("CustomerClass")), _money("Credit Limit", of("CreditLimit")),
        _formula("Label", Edm.STRING, _customer_label), _moment("Created On", of("CreatedDateTime")),
        _moment("Last Modified On", of("LastModifiedDateTime")),
    )),
    "Customer",
)  # fmt: skip
OPEN_ORDERS = GenericInquiry(
    "Open Orders 2.0",
    _type("Open Orders 2.0", ("OrderType", "OrderNbr"), (
        _text("Customer", of("CustomerID")), _text("Status", of("Status")), _money("Order Total", of("OrderTotal")),
        _text("Description", of("Description")), _text("Description", of("ExternalRef")),
        _moment("1st Date", of("Date")), _moment("Last Modified On", of("LastModified")),
        _key("OrderType", of("OrderType")), _key("OrderNbr", of("OrderNbr")),
    )),
    "SalesOrder",
    where=lambda row: row.record.value("Status") in ("Open", "Back Order"),
)  # fmt: skip
ORDERS_OF_CUSTOMER = GenericInquiry(
    "Orders by Customer",
    _type("Orders by Customer", ("OrderType", "OrderNbr"), (
        _text("Order Type", of("OrderType")), _text("Order Nbr", of("OrderNbr")), _text("Customer", of("CustomerID")),
        _money("Order Total", of("OrderTotal")), _moment("Last Modified On", of("LastModified")),
    )),
    "SalesOrder",
    parameters=(
        Parameter("Customer", Edm.STRING, "", lambda row, value: row.record.value("CustomerID") == value),
        Parameter("MinTotal", Edm.DECIMAL, Decimal(), _at_least),
    ),
)  # fmt: skip
ITEMS = GenericInquiry(
    "IN-StockItems",
    _type("IN-StockItems", ("InventoryCD",), (
        _text("Inventory ID", padded(of("InventoryID"), 30)), _text("Description", of("Description")),
        _text("Item Status", of("ItemStatus")), _money("Default Price", of("DefaultPrice")),
        _formula("Margin", Edm.DECIMAL, _margin), _key("InventoryCD", padded(of("InventoryID"), 30)),
    )),
    "StockItem",
)  # fmt: skip
JOURNAL_LINES = GenericInquiry(
    "GL-Transactions",
    _type("GL-Transactions", ("Module", "BatchNbr", "LineNbr"), (
        _text("Module", of("Module")), _text("Batch Nbr", of("BatchNbr")), _text("Period", of("PostPeriod")),
        _text("Account", line("Account")), _money("Debit", line("DebitAmount")), _money("Credit", line("CreditAmount")),
        _moment("Last Modified On", of("LastModifiedDateTime")), _key("LineNbr", line("LineNbr"), Edm.INT32),
    )),
    "JournalTransaction", "Details",
)  # fmt: skip
CUSTOMERS_BY_CLASS = GenericInquiry(
    "Customers by Class",
    _type("Customers by Class", ("Class",), (
        _text("Class", _first("CustomerClass")), _text("Status", _first("Status")),
        Column("Count", Edm.INT32, len), _money("Credit Limit", _total("CreditLimit")),
        _moment("Newest Change", lambda rows: latest([row.record.value("LastModifiedDateTime") for row in rows])),
    )),
    "Customer", group_by=(of("CustomerClass"), of("Status")),
)  # fmt: skip
SALARIES = GenericInquiry(
    "PR-Salaries", _type("PR-Salaries", ("EmployeeID",), (_text("Employee ID", of("EmployeeID")),)), "Employee",
    forbidden=True,
)  # fmt: skip

INQUIRIES = (
    CUSTOMERS, OPEN_ORDERS, ORDERS_OF_CUSTOMER, ITEMS, JOURNAL_LINES, CUSTOMERS_BY_CLASS, SALARIES,
)  # fmt: skip
INQUIRY_BY_TITLE: Mapping[str, GenericInquiry] = {each.title: each for each in INQUIRIES}
