"""The general ledger: the balances that posted journal batches add up to, by account and period."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration_tests.simulator.store.journal import Journal
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.tables import Table

BATCHES, ACCOUNTS, LEDGERS = "JournalTransaction", "Account", "Ledger"
POSTED, UNPOSTED = "Posted", "Unposted"
# As the form General Ledger Preferences names them. Nobody posts to the first: it has what income and expenses come to.
NET_INCOME, RETAINED_EARNINGS = "10180", "10190"
DEBIT_TYPES, YEARLY_TYPES = ("Asset", "Expense"), ("Income", "Expense")
STATISTICAL = "S"
NOTHING = Decimal("0.0000")

Place = tuple[str, str, str, str]  # ledger, branch, account and subaccount


@dataclass
class Balance:
    """One account in one period; of a ledger, a branch and a subaccount."""

    find: Callable[[str], Table]
    ledger: str
    branch: str
    account: str
    sub: str
    period: str
    debit: Decimal = NOTHING
    credit: Decimal = NOTHING
    brought: Decimal = NOTHING  # last year's income, which no line debits or credits
    begin: Decimal = NOTHING
    end: Decimal = NOTHING
    stamp: datetime | None = None
    version: int = 0

    @property
    def type(self) -> str:
        return _text(self.find(ACCOUNTS), self.account, "Type") or "Asset"

    @property
    def balance_type(self) -> str:
        return _text(self.find(LEDGERS), self.ledger, "BalanceType")

    @property
    def is_yearly(self) -> bool:
        """It begins each year with nothing."""
        return self.type in YEARLY_TYPES or self.account == NET_INCOME

    def of(self, debit: Decimal, credit: Decimal) -> Decimal:
        """What debit and credit come to: assets and expenses grow by debit, the others by credit."""
        return debit - credit if self.type in DEBIT_TYPES else credit - debit

    def post(self, debit: Decimal, credit: Decimal, stamp: datetime | None, version: int) -> None:
        self.debit, self.credit = self.debit + debit, self.credit + credit
        self.stamp = max(filter(None, (self.stamp, stamp)), default=None)
        self.version = max(self.version, version)


class Ledger:
    """Made again when the batches have changed; the posting of a batch is one change."""

    def __init__(self, find: Callable[[str], Table], journal: Journal) -> None:
        self._find, self._journal = find, journal
        self._made: tuple[tuple[int, int], list[Balance]] | None = None

    def forget(self) -> None:
        self._made = None

    def balances(self) -> list[Balance]:
        """In the order of their places and periods."""
        state = self._journal.state_of(BATCHES), self._journal.state_of(ACCOUNTS)
        if self._made is None or self._made[0] != state:
            self._made = state, self._carried(self._posted())
        return self._made[1]

    def summary(self, period: str, ledger: str, sub: str | None = None) -> list[list[Balance]]:
        """For each branch and account that the form Account Summary shows, the last balance of each subaccount.

        Accounts that begin each year at zero are shown if anything was posted to them in the year of the period.
        """
        last: dict[tuple[str, str], dict[str, Balance]] = {}
        for each in self.balances():
            is_in_time = (period[:4] if each.is_yearly else "") <= each.period <= period
            if each.ledger == ledger and is_in_time and sub in (None, each.sub):
                last.setdefault((each.branch, each.account), {})[each.sub] = each
        return [[*subs.values()] for subs in last.values()]

    def _posted(self) -> dict[Place, dict[str, Balance]]:
        balances: dict[Place, dict[str, Balance]] = {}

        def at(place: Place, period: str) -> Balance:
            return balances.setdefault(place, {}).setdefault(period, Balance(self._find, *place, period))

        table = self._find(BATCHES)
        for handle in table.handles(archived=True):
            batch = table.record(handle)
            if batch.value("Status") == POSTED and batch.value("PostPeriod"):
                self._post(batch, self._journal.version(BATCHES, handle), at)
        return balances

    def _post(self, batch: Record, version: int, at: Callable[[Place, str], Balance]) -> None:
        ledger, branch, period = str(batch.value("LedgerID")), str(batch.value("BranchID")), period_of(batch)
        first, next_year = f"{period[:4]}01", f"{int(period[:4]) + 1:04d}01"
        stamp: Any = batch.value("LastModifiedDateTime")
        for account, sub, debit, credit in entries(batch):
            posted = at((ledger, branch, account, sub), period)
            posted.post(debit, credit, stamp, version)
            income, earnings = (ledger, branch, NET_INCOME, sub), (ledger, branch, RETAINED_EARNINGS, sub)
            if posted.balance_type == STATISTICAL or account == NET_INCOME:
                continue
            if posted.type in YEARLY_TYPES:
                at(income, period).post(debit, credit, stamp, version)
                at(earnings, next_year).brought += credit - debit
                touched = [at(income, next_year), at(earnings, first), at(earnings, next_year)]
            else:
                touched = [at(income, first), at(earnings, first)] if account == RETAINED_EARNINGS else []
            for each in touched:
                each.post(NOTHING, NOTHING, stamp, version)

    def _carried(self, balances: dict[Place, dict[str, Balance]]) -> list[Balance]:
        """Each begins with what the one before it ended with. Its stamp stays: nothing was posted to it."""
        carried: list[Balance] = []
        for _place, periods in sorted(balances.items()):
            before: Balance | None = None
            for _period, each in sorted(periods.items()):
                is_new = before is None or (each.is_yearly and before.period[:4] != each.period[:4])
                each.begin = (NOTHING if is_new or before is None else before.end) + each.brought
                each.end = each.begin + each.of(each.debit, each.credit)
                before = each
                carried.append(each)
        return carried


def period_of(batch: Record) -> str:
    """As tables hold it, with the year in front; forms show the month in front."""
    return turned(str(batch.value("PostPeriod")))


def turned(period: str) -> str:
    return period[2:] + period[:2]


def shown(period: str) -> str:
    return period[4:] + period[:4]


def entries(batch: Record) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Account, subaccount, debit and credit of each line."""
    for line in batch.details("Details"):
        debit, credit = (Decimal(str(line.value(name) or 0)) for name in ("DebitAmount", "CreditAmount"))
        yield str(line.value("Account")), str(line.value("Subaccount")), debit, credit


def refuse_to_post(batch: Record) -> None:
    """What the ERP refuses too: a batch that is posted already, or whose debits are not its credits."""
    if batch.value("Status") == POSTED:
        raise ValueError("the batch is posted already")
    lines = [*entries(batch)]
    if sum(line[2] for line in lines) != sum(line[3] for line in lines):
        raise ValueError("the batch is out of balance")
    if any(line[2] and line[3] for line in lines):
        raise ValueError("a line has a debit and a credit")


def reversed_lines(batch: Record) -> Sequence[dict[str, Any]]:
    """The lines with debit and credit changed over."""
    lines = enumerate(entries(batch), start=1)
    return [
        {"LineNbr": number, "Account": account, "Subaccount": sub, "DebitAmount": credit, "CreditAmount": debit}
        for number, (account, sub, debit, credit) in lines
    ]


def _text(table: Table, code: str, field: str) -> str:
    handle = table.find((code,))
    return "" if handle is None else str(table.record(handle).value(field))
