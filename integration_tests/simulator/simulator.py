"""The simulator as tests hold it: an Acumatica on loopback, its data, its clock and what goes wrong in it.

`release` says which build of the ERP it is, and so which endpoints and contracts it has. `SCENARIOS.md` says more of
that; `tenant.rows("Invoice", contract=5)` is the truth as contract 5 shows it.

OData shows the records of the contract entities: what `tenant.insert`, `update`, `delete` and `archive` do to those is
seen there too.

- Generic inquiries lie under `{url}/t/{tenant}/api/odata/gi/`, tables (DACs) under `.../dac/`, both in OData 4. An old
  build (`openapi=False`) has the inquiries in OData 3 under `{url}/odata/{tenant}/`; `{url}/odatav4/{tenant}/` has the
  tables in every build. `legacy_inquiries=3` (or 4) makes a new build answer under `/odata/{tenant}/` as well.
- They want a bearer token of the tenant in the address; sessions, faults, hooks and `requests` are those of the rest.
- The tables ask for a role: `odata_roles=()`, or `sim.account("Company").roles.clear()` later, closes them.
- The truth: `tenant.dac_rows("SOOrder")` (`deleted=True`: with the customers that are only flagged as deleted),
  `tenant.gi_rows("BI-Customers", **parameters)`, `tenant.deleted("SOOrder")`.
- Deletions are kept for the tables in `tracked`, and from then on for those that `tenant.track("SOLine")` names.
- `deletions=DeletionRules(...)` says what may be asked of the flag of deleted rows, how long deletions are kept, and
  what the ERP says of that; `tenant.journal.keep("SOOrder", ...)` adds deletions of rows that never were.
- `odata_page_rows` makes the server cut its answers into pages, each with a link to the next, absolute or, with
  `odata_relative_links`, relative.
- `sim.lies = Lies(...)` makes answers untrue (`trouble/lies.py` lists how), `sim.clock` has a web server's and a
  database's clock that can be set apart, and `tenant.restore(tenant.snapshot())` takes a tenant back.
- `inflate_metadata_mb=20` makes the description of the tables as long as that of a real site.
- The licence allows `requests_per_minute`, of `minute_seconds` each, and works on as many at once as it has `cores`;
  the others wait in a queue (`access/licence.py`). `Lies(request_stat=StatForm.WORK)` says what each answer took.
- `odata/inquiries.py` and `odata/dacs.py` list what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from threading import Event, Thread
from types import TracebackType
from typing import Any, ClassVar, Literal
from zlib import crc32

from integration_tests.simulator.access.identity import Account, Identity
from integration_tests.simulator.access.licence import MINUTE_SECONDS, Minute, RequestMinute, Throttle
from integration_tests.simulator.access.sessions import SeatAnswer, Sessions
from integration_tests.simulator.catalog.releases import RELEASES, TODAY
from integration_tests.simulator.control import Control
from integration_tests.simulator.odata.deletion_rules import DeletionRules
from integration_tests.simulator.odata.dialects import Version
from integration_tests.simulator.odata.service import ODataOptions
from integration_tests.simulator.server import Server
from integration_tests.simulator.site import Hook, Rewrite, Site
from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.store.spots import dashed
from integration_tests.simulator.store.tables import Sizes
from integration_tests.simulator.tenants import Tenant
from integration_tests.simulator.trouble.faults import Faults
from integration_tests.simulator.trouble.lies import Lies
from integration_tests.simulator.trouble.switches import Switches
from integration_tests.simulator.web.requests import RequestLog
from integration_tests.simulator.web.settings import Settings


class Simulator:
    running: ClassVar[dict[str, Simulator]] = {}
    """By their addresses."""

    def __init__(
        self,
        tenants: Sequence[str] = ("Company", "Zweite Firma"),
        *,
        rows: int = 50,
        lines: int = 3,
        seed: int = 1,
        virtual_directory: str = "/AcumaticaERP",
        openapi: bool = True,
        shared_client: bool = True,
        seats: int = 4,
        seat_answer: SeatAnswer = SeatAnswer.API_LOGIN_LIMIT,
        requests_per_minute: int | None = None,
        minute: Minute = Minute.PAST,
        minute_seconds: float = MINUTE_SECONDS,
        cores: int | None = None,
        token_life_seconds: float = 3600,
        idle_seconds: float = 600,
        offset_minutes: int = -300,
        latency_seconds: float = 0.0,
        tracked: Collection[str] = (),
        odata_roles: Collection[str] = ("OData4 User",),
        odata_page_rows: int | None = None,
        odata_relative_links: bool = False,
        legacy_inquiries: Literal[3, 4] | None = None,
        inflate_metadata_mb: float = 0.0,
        deletions: DeletionRules | None = None,
        release: str = TODAY,
        port: int = 0,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.clock = Clock()
        self._release = RELEASES[release]
        self._switches = Switches()
        self.faults = Faults()
        self._stopping = Event()
        self._sleep = sleep or self._stopping.wait  # a sleeper does not hold up the end
        self._shared_client = shared_client
        self._accounts = {name: _account(name, seed, shared_client, odata_roles) for name in tenants}
        zone = timezone(timedelta(minutes=offset_minutes))
        self._tenants = {name: self._tenant_data(name, seed, Sizes(rows, lines), zone, tracked) for name in tenants}
        self.identity = Identity(list(self._accounts.values()), self.clock, token_life_seconds)
        self.sessions = Sessions(self.clock, seats, seat_answer, idle_seconds, virtual_directory)
        self.throttle = Throttle(
            self.clock, RequestMinute(requests_per_minute, minute, minute_seconds), self._sleep, cores
        )
        self.requests: list[RequestLog] = []
        legacy = None if legacy_inquiries is None else Version(legacy_inquiries)
        rules = deletions or DeletionRules()
        odata = ODataOptions(odata_page_rows, odata_relative_links, legacy, inflate_metadata_mb, rules)
        settings = Settings(virtual_directory, openapi, zone, latency_seconds)
        self._site = Site(
            settings,
            self._tenants,
            self.identity,
            self.sessions,
            self.throttle,
            self.faults,
            self._sleep,
            self._switches,
            odata,
            self._release,
        )
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Simulator:
        control = Control(self._tenants, self.clock, self.faults, self.sessions, self.requests)
        self._server = Server(self._site, self.clock, control, self.requests, self._port)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.running[self.url] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._server is not None:
            self.running.pop(self.url)
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server is not None, "the simulator runs inside its `with` block"
        return f"http://127.0.0.1:{self._server.server_port}{self._site.settings.base_path}"

    @property
    def deletions(self) -> DeletionRules:
        return self._site.odata.deletions

    @deletions.setter
    def deletions(self, rules: DeletionRules) -> None:
        """Other rules from now on; what has been dropped by the ones of before is lost."""
        before, now = self.deletions, self.clock.now()
        for tenant in self._tenants.values():
            tenant.journal.forget(lambda at: before.is_kept(at, now))
        self._site.odata = replace(self._site.odata, deletions=rules)

    @property
    def lies(self) -> tuple[Lies, ...]:
        return self._switches.lies

    @lies.setter
    def lies(self, lies: Lies | Iterable[Lies]) -> None:
        """What the ERP says that is not so, from the next request on: one kind of lies or several, or none (`()`)."""
        self._switches.lies = (lies,) if isinstance(lies, Lies) else tuple(lies)

    @property
    def lock_after(self) -> int:
        return self.identity.lock_after

    @lock_after.setter
    def lock_after(self, bad_passwords: int) -> None:
        self.identity.lock_after = bad_passwords

    def tenant(self, name: str) -> Tenant:
        return self._tenants[name]

    def account(self, tenant: str) -> Account:
        return self._accounts[tenant]

    def sign_ins(self, tenant: str) -> int:
        """Token requests that were tried for a tenant."""
        return self.identity.sign_ins[tenant]

    def before_request(self, hook: Hook) -> None:
        """Calls the hook when a data request's turn has come, before it is answered."""
        self._site.hooks.append(hook)

    def rewrite(self, rewrite: Rewrite) -> None:
        """Makes another server of it: what would be answered goes through the function, and its result is sent."""
        self._site.rewrites.append(rewrite)

    def config(self, *tenants: str, **settings: Any) -> dict[str, Any]:
        """Connector settings that reach these tenants (all, if none is named)."""
        names = list(tenants or self._accounts)
        config: dict[str, Any] = {"instance_url": self.url, "tenants": names, **_credentials(self._accounts[names[0]])}
        if not self._shared_client:
            config["tenant_credentials"] = [{"tenant": name, **_credentials(self._accounts[name])} for name in names]
        return config | settings

    def _tenant_data(self, name: str, seed: int, sizes: Sizes, zone: timezone, tracked: Collection[str]) -> Tenant:
        """Tenants with one client are copies of one another: they have the same NoteIDs, and data of their own."""
        id_seed = _seed(seed, "" if self._shared_client else name)
        return Tenant(name, _seed(seed, name), id_seed, sizes, self.clock, zone, tracked, self._switches, self._release)


def _seed(seed: int, name: str) -> int:
    return hash((seed, crc32(name.encode())))


def _account(tenant: str, seed: int, shared: bool, roles: Collection[str]) -> Account:
    number = hash((_seed(seed, "" if shared else tenant), 1))
    client_id = dashed(f"{hash((number, 2)) % (1 << 64):016X}{number % (1 << 64):016X}")
    tail = "" if shared else f"-{number % 1000:03d}"
    secret, password = f"secret{tail} of+client&", f"pass wörd{tail}!+&"
    return Account(tenant, client_id, secret, f"airbyte{tail}", password, roles=set(roles))


def _credentials(account: Account) -> dict[str, str]:
    return {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "username": account.username,
        "password": account.password,
    }
