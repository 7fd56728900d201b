"""An inquiry or a table of an ERP that is no more than a list of rows, for the tests of what reads it."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import nullcontext
from functools import partial

from airbyte_cdk.models import FailureType

from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.helpers import Demand
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.reader import ODataReader
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind, utc_instant
from source_acumatica.reading.window import Window

STAMP = "LastModifiedDateTime"
FIELDS = {"Id": FieldKind.INTEGER, "Class": FieldKind.STRING, STAMP: FieldKind.DATE_TIME}
TABLE = ODataTable(ODataFeed.TABLES, "T", "T", FIELDS, ("Id",))
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "I", "I", FIELDS, ("Class",))
EVER = Window(None, "2026-12-01T00:00:00.000000Z")
CHANGED = Window("2026-11-10T00:00:00.000000Z", "2026-11-20T00:00:00.000000Z")


def a_row(number, day=None, group="A"):
    return {"Id": number, "Class": group, STAMP: day and f"2026-11-{day:02d}T00:00:00Z"}


def settings(**more):
    least = {
        "instance_url": "https://x",
        "tenants": ["A"],
        "client_id": "c",
        "client_secret": "hidden-1",
        "username": "u",
    }
    return Config.parse({**least, "password": "hidden-2", "max_page_size": 3, **more})


def refusal(action=Action.ASK_FOR_LESS, sentence="refused", status=0):
    return RequestFailed(Problem(action, FailureType.transient_error, sentence, status=status))


class AtOnce:
    """Runs a task at once instead of on another session."""

    is_idle = False
    sessions = lists = 1

    def advance(self, task):
        return self.submit(task), Demand()

    def needed_at_once(self):
        return nullcontext()

    def submit(self, task, demand=None):
        future = Future()
        try:
            future.set_result(task())
        except RequestFailed as error:
            future.set_exception(error)
        return future

    def busy(self):
        return nullcontext()


class EntitySet:
    """Rows that are asked for by plan, window and page token; ``refuses`` says which requests fail."""

    def __init__(self, rows, table=TABLE, refuses=lambda _plan, _token: None, cap=None):
        self.rows, self.table, self.refuses, self.cap, self.tokens = list(rows), table, refuses, cap, []
        self.links = []

    def __call__(self, window, token):
        self.tokens.append(token)
        if "link" in token:
            window, token = self.links[token["link"]]
        plan = token["plan"]
        refused = self.refuses(plan, token)
        if refused:
            raise refused
        found = [row for row in self.rows if self._passes(row, window, token)]
        for order in reversed(plan.order):
            name, _, direction = order.partition(" ")
            found.sort(key=partial(_sort_key, name), reverse=bool(direction))
        found = found[token.get("skip", 0) :]
        top = token.get("top", len(found))
        cut = min(top, self.cap or top)
        if cut >= min(top, len(found)):
            return ODataPage(found[:cut], 100, None)
        self.links.append((window, {**token, "skip": token.get("skip", 0) + cut, "top": top - cut}))
        return ODataPage(found[:cut], 100, len(self.links) - 1)

    def _passes(self, row, window, token):
        plan, stamp = token["plan"], utc_instant(row[STAMP])
        if plan.filters and window.since and not (stamp >= window.since if stamp else plan.with_null):
            return False
        if not token.get("after"):
            return True
        return tuple(utc_instant(row[name]) if name == STAMP else row[name] for name in plan.order) >= token["after"]

    def reader(self, *, is_incremental=True, facts=None, helpers=None, **more):
        self.waits, self.facts = [], Known() if facts is None else facts
        more = settings(**more)
        return ODataReader(
            "A", more, self.table, self, helpers or AtOnce(), self.facts, self.waits.append, is_incremental
        )


def _sort_key(name, row):
    # What is null comes first, and nothing is compared with it.
    return (row[name] is not None, *([] if row[name] is None else [row[name]]))


class Known(set):
    """What is known of a list."""

    has_unstamped = is_first = False
    knows = remembers = set.__contains__
    learn = set.add
    forget = set.discard


def ids(pages):
    return [row["Id"] for page in pages for row in page.rows]


ROWS = [a_row(number, day) for number, day in enumerate([5, None, 5, 12, None, 3, 15, None, 5, None, 18, 12])]
