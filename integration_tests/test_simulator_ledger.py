"""Tests of the simulated general ledger: what posting does to lines, account history and the form Account Summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from .simulator import Simulator
from .simulator.store.ledger import NET_INCOME, RETAINED_EARNINGS
from .simulator.tenants import Tenant

CASH, SALES, RENT = "10000", "10200", "10300"
SUB = "000-000"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(("Company",), rows=4) as sim:
        yield sim


@pytest.fixture
def company(sim: Simulator) -> Tenant:
    """Without journal batches at first."""
    tenant = sim.tenant("Company")
    for key in tenant.keys("JournalTransaction"):
        tenant.table("JournalTransaction").delete(key)
    tenant.store.forget()
    tenant.ledger.forget()
    return tenant


def enter(company: Tenant, number: str, period: str, debit: str, credit: str, amount: int, **more: Any) -> list[str]:
    lines = [line(debit, amount, 0), line(credit, 0, amount)]
    values = {"Module": "GL", "BatchNbr": number, "LedgerID": "ACTUAL", "BranchID": "HEAD", "PostPeriod": period}
    company.insert("JournalTransaction", {**values, "Details": lines, **more})
    return ["GL", number]


def line(account: str, debit: int, credit: int) -> dict[str, Any]:
    amounts = {"DebitAmount": Decimal(debit), "CreditAmount": Decimal(credit)}
    return {"Account": account, "Subaccount": SUB, **amounts}


def history(company: Tenant) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """By account and period: what it began with, debit, credit, and what it ended with."""
    codes = {row["AccountID"]: row["AccountCD"] for row in company.dac_rows("Account")}
    names = ("FinBegBalance", "FinPtdDebit", "FinPtdCredit", "FinYtdBalance")
    return {
        (codes[row["AccountID"]], row["FinPeriodID"]): tuple(int(row[name]) for name in names)  # type: ignore[misc]
        for row in company.dac_rows("GLHistory")
    }


def summary(company: Tenant, period: str) -> dict[str, tuple[int, int, int, int]]:
    names = ("BeginningBalance", "DebitTotal", "CreditTotal", "EndingBalance")
    rows = company.results("AccountSummaryInquiry", {"Period": period, "Ledger": "ACTUAL"})
    return {row["Account"]: tuple(int(row[name]) for name in names) for row in rows}  # type: ignore[misc]


def test_the_batches_that_are_there_at_first_are_balanced_and_some_are_posted() -> None:
    with Simulator(("Company",), rows=60) as sim:
        batches = sim.tenant("Company").rows("JournalTransaction")
        rows = sim.tenant("Company").dac_rows("GLHistory")
    for batch in batches:
        sums = [sum(each[side] for each in batch["Details"]) for side in ("DebitAmount", "CreditAmount")]
        assert sums[0] == sums[1]
    assert {batch["Status"] for batch in batches if batch["Details"]} == {"Posted", "Unposted"}
    assert len({row["FinPeriodID"] for row in rows}) > 2


def test_posting_adds_to_the_history_and_to_the_form_at_once(sim: Simulator, company: Tenant) -> None:
    key = enter(company, "1", "012025", CASH, SALES, 100)
    assert history(company) == {}
    assert [row["Posted"] for row in company.dac_rows("GLTran")] == [False, False]
    before = company.dac_rows("GLTran")
    sim.clock.advance(1)
    company.post(key)
    after = company.dac_rows("GLTran")
    assert [row["Posted"] for row in after] == [True, True]
    assert all(
        new["LastModifiedDateTime"] > old["LastModifiedDateTime"] for new, old in zip(after, before, strict=True)
    )
    assert [row["NoteID"] for row in after] == [row["NoteID"] for row in before]
    found = history(company)
    assert found[CASH, "202501"] == (0, 100, 0, 100)
    assert found[SALES, "202501"] == (0, 0, 100, 100)
    assert summary(company, "012025")[SALES] == (0, 0, 100, 100)


def test_income_and_expenses_come_to_net_income_and_next_year_to_retained_earnings(company: Tenant) -> None:
    company.post(enter(company, "1", "112024", CASH, SALES, 100))
    company.post(enter(company, "2", "122024", RENT, CASH, 30))
    found = history(company)
    assert found[NET_INCOME, "202411"] == (0, 0, 100, 100)
    assert found[NET_INCOME, "202412"] == (100, 30, 0, 70)
    assert found[NET_INCOME, "202501"] == (0, 0, 0, 0)
    assert found[RETAINED_EARNINGS, "202501"] == (70, 0, 0, 70)
    assert summary(company, "122024")[RENT] == (0, 30, 0, 30)
    # In the next year income and expenses begin again, and nothing was posted to them yet.
    assert summary(company, "022025") == {
        CASH: (70, 0, 0, 70),
        NET_INCOME: (0, 0, 0, 0),
        RETAINED_EARNINGS: (70, 0, 0, 70),
    }


def test_a_batch_of_an_earlier_period_moves_later_balances_and_not_their_stamps(company: Tenant) -> None:
    company.post(enter(company, "1", "022025", CASH, SALES, 100))
    (before,) = [
        row for row in company.dac_rows("GLHistory") if (row["AccountID"], row["FinPeriodID"]) == (1, "202502")
    ]
    company._clock.advance(60)
    company.post(enter(company, "2", "012025", CASH, SALES, 7))
    (after,) = [row for row in company.dac_rows("GLHistory") if (row["AccountID"], row["FinPeriodID"]) == (1, "202502")]
    assert (before["FinYtdBalance"], after["FinYtdBalance"]) == (100, 107)
    assert before["LastModifiedDateTime"] == after["LastModifiedDateTime"]


def test_a_reversal_is_a_batch_that_takes_back_what_was_posted(company: Tenant) -> None:
    key = enter(company, "1", "012025", CASH, RENT, 40)
    company.post(key)
    company.post(company.reverse(key, "2", "022025"))
    assert history(company)[CASH, "202502"] == (40, 0, 40, 0)


def test_statistical_ledgers_have_no_income(company: Tenant) -> None:
    company.post(enter(company, "1", "012025", CASH, SALES, 40, LedgerID="STAT"))
    assert {account for account, _period in history(company)} == {CASH, SALES}


def test_what_would_break_the_books_is_refused(company: Tenant) -> None:
    unbalanced = enter(company, "1", "012025", CASH, SALES, 5, Details=[line(CASH, 5, 0)])
    both = enter(company, "2", "012025", CASH, SALES, 5, Details=[line(CASH, 5, 5)])
    posted = enter(company, "3", "012025", CASH, SALES, 5)
    company.post(posted)
    for key, reason in ((unbalanced, "out of balance"), (both, "a debit and a credit"), (posted, "posted already")):
        with pytest.raises(ValueError, match=reason):
            company.post(key)
    for change in (
        lambda: company.delete("JournalTransaction", posted),
        lambda: company.update("JournalTransaction", unbalanced, {"Status": "Posted"}),
        lambda: company.insert("JournalTransaction", {"Module": "GL", "BatchNbr": "4", "Status": "Posted"}),
    ):
        with pytest.raises(ValueError, match="a posted batch"):
            change()


def test_the_history_is_the_sum_of_the_lines() -> None:
    with Simulator(("Company",), rows=80) as sim:
        company = sim.tenant("Company")
        lines, rows = company.dac_rows("GLTran"), company.dac_rows("GLHistory")
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for each in [each for each in lines if each["Posted"]]:
        sums[tuple(each[name] for name in KEY)] += each["DebitAmt"]
    special = {row["AccountID"] for row in rows} - {each["AccountID"] for each in lines}
    debits = {tuple(row[name] for name in KEY): row["FinPtdDebit"] for row in rows if row["AccountID"] not in special}
    assert debits == sums


KEY = ("LedgerID", "BranchID", "AccountID", "SubID", "FinPeriodID")
