"""A client of the contract-based REST API that is answered by a function, for the tests of what asks it."""

from __future__ import annotations

from source_acumatica.erp.errors import BrokenAnswerError, RequestFailed
from unit_tests.odata.entity_set import AtOnce


class AllAtOnce(AtOnce):
    """Does several tasks at once, too, one after the other."""

    def map(self, work, items):
        return map(work, items)

    def beside(self, task):
        return task


class RestClient:
    """Judges and reads each answer as the real one does, and tries nothing twice."""

    helpers = AllAtOnce()

    def __init__(self, answer):
        self.answer, self.requests = answer, []

    def fetch(self, _tenant, path, options=None, *, read, where, judge, **request):
        self.requests.append((path, dict(options or {}), request))
        response = self.answer(path, dict(options or {}))
        if problem := judge(response):
            raise RequestFailed(problem, where)
        try:
            return read(response)
        except BrokenAnswerError as error:
            raise RequestFailed(error.problem, where) from None
