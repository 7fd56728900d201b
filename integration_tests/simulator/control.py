"""Verbs that the ERP does not have: through them another process, such as the demo, changes records and adds faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integration_tests.simulator.access.sessions import Sessions
from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.tenants import Tenant
from integration_tests.simulator.trouble.faults import Fault, FaultKind, Faults
from integration_tests.simulator.web.answers import Answer, message
from integration_tests.simulator.web.requests import Request, RequestLog

Json = dict[str, Any]


class Control:
    def __init__(
        self,
        tenants: Mapping[str, Tenant],
        clock: Clock,
        faults: Faults,
        sessions: Sessions,
        requests: Sequence[RequestLog],
    ) -> None:
        self._tenants, self._clock, self._faults = tenants, clock, faults
        self._sessions, self._requests = sessions, requests
        self._verbs: dict[str, Callable[[Json], object]] = {
            "insert": self._insert,
            "update": self._update,
            "update_silently": self._update_silently,
            "delete": self._delete,
            "attach": self._attach,
            "post": self._post,
            "reverse": self._reverse,
            "advance": self._advance,
            "fault": self._fault,
            "take": self._take,
            "stats": self._stats,
            "rows": self._rows,
            "dac_rows": lambda content: self._tenant(content).dac_rows(content["table"]),
            "gi_rows": lambda content: self._tenant(content).gi_rows(content["inquiry"]),
            "deleted": lambda content: self._tenant(content).deleted(content["table"]),
        }

    def answer(self, request: Request) -> Answer:
        verb = self._verbs.get(request.path.removeprefix("/_simulator/"))
        if verb is None:
            return message(404, "There is no such verb: " + ", ".join(self._verbs))
        try:
            content = json.loads(request.body, parse_float=Decimal) if request.body else dict(request.query)
            return Answer(200, json.dumps(verb(content), default=_as_text, ensure_ascii=False).encode())
        except (KeyError, ValueError, TypeError, AssertionError) as error:
            return message(400, f"{type(error).__name__}: {error}")

    def _insert(self, content: Json) -> object:
        tenant, rest = self._tenant(content), _row(content)
        return {"key": tenant.insert(content["entity"], content.get("values"), **rest)}

    def _update(self, content: Json) -> object:
        self._tenant(content).update(content["entity"], content["key"], content["values"], **_row(content))
        return {}

    def _update_silently(self, content: Json) -> object:
        self._tenant(content).update_silently(content["entity"], content["key"], content["values"], **_row(content))
        return {}

    def _delete(self, content: Json) -> object:
        endpoint = content.get("endpoint", "Default")
        self._tenant(content).delete(content["entity"], content["key"], endpoint)
        return {}

    def _attach(self, content: Json) -> object:
        tenant, size = self._tenant(content), int(content.get("size", 1000))
        return {"file": tenant.attach(content["entity"], content["key"], content["filename"], size)}

    def _post(self, content: Json) -> object:
        self._tenant(content).post(content["key"])
        return {}

    def _reverse(self, content: Json) -> object:
        return {"key": self._tenant(content).reverse(content["key"], content["number"], content.get("period"))}

    def _advance(self, content: Json) -> object:
        self._clock.advance(float(content["seconds"]))
        return {"now": self._clock.now()}

    def _fault(self, content: Json) -> object:
        self._faults.add(Fault(**{**content, "kind": FaultKind(content["kind"])}))
        return {}

    def _take(self, content: Json) -> object:
        self._sessions.take(int(content["seats"]))
        return {}

    def _stats(self, content: Json) -> object:
        sessions, requests = self._sessions, self._requests
        return {
            "open_sessions": sessions.open_count(),
            "peak_sessions": sessions.peak,
            "opened_sessions": sessions.opened_total,
            "requests": len(requests),
            "statuses": {status: sum(each.status == status for each in requests) for status in _statuses(requests)},
        }

    def _rows(self, content: Json) -> object:
        archived = content.get("archived", "false") in ("true", True)
        contract = int(content["contract"]) if "contract" in content else None
        return self._tenant(content).rows(content["entity"], content.get("endpoint", "Default"), archived, contract)

    def _tenant(self, content: Json) -> Tenant:
        return self._tenants[content["tenant"]]


def _statuses(requests: Sequence[RequestLog]) -> list[int]:
    return sorted({each.status for each in requests})


def _row(content: Json) -> Json:
    stamp = content.get("stamp")
    return {
        "endpoint": content.get("endpoint", "Default"),
        "stamp": None if stamp is None else datetime.fromisoformat(stamp.replace("Z", "+00:00")),
    }


def _as_text(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
