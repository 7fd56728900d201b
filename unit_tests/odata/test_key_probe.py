"""Tests how the rows of an inquiry are looked at: no failure is taken for a key, or for none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.key_probe import KeyProbe
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind

TABLE = ODataTable(ODataFeed.INQUIRIES, "Orders", "Orders", {"Nbr": FieldKind.STRING}, ("Nbr",))
TOO_MANY = Problem(Action.FEWER_ROWS, FailureType.transient_error, "too many rows", status=504)


class Service:
    """Gives rows with these keys, as long as no more than some are asked for; it may cut them into pages itself."""

    def __init__(self, keys, most=20_000, cut=20_000):
        self._keys, self._most, self._cut, self.tops = keys, most, cut, []

    def version(self, _door, _tenant):
        return 4

    def rows(self, _tenant, _door, _resource, options, *, where, is_page, **_request):
        top, skip = int(options["$top"]), int(options.get("$skip", 0))
        self.tops.append((top, is_page))
        if top > self._most:
            raise RequestFailed(TOO_MANY, where)
        found = [] if "$filter" in options else self._keys[skip : skip + top]
        return ODataPage([{"Nbr": key} for key in found[: self._cut]], 0, "further" if found[self._cut :] else None)


def doubt(service):
    return KeyProbe(service, "Company", TABLE, {}).doubt()


@pytest.mark.parametrize("most", [10_000, 1_000, 500, 100, 2])
def test_where_so_many_rows_are_too_many_fewer_are_looked_at(most):
    service = Service([str(number) for number in range(5_000)], most)
    assert doubt(service) == ""
    assert doubt(Service(["1", "1", *map(str, range(2, 5_000))], most)) == "several have the same"


def test_a_service_that_gives_no_rows_at_all_says_nothing_of_the_keys():
    service = Service([], 1)
    with pytest.raises(RequestFailed):
        doubt(service)
    assert service.tops[-1] == (2, True)


def test_a_time_out_is_not_waited_for_many_times():
    service = Failing(["1"], dict.fromkeys(range(1, 99), replace(TOO_MANY, status=0)))
    with pytest.raises(RequestFailed):
        doubt(service)
    assert [top for top, _ in service.tops] == [1_000, 2]


def test_further_rows_that_are_too_many_are_looked_at_in_smaller_pages():
    service = Service([str(number) for number in range(5_000)], 1_000)
    assert doubt(service) == ""
    assert [top for top, _ in service.tops] == [1_000, 10_000, 10_000, *[1_000] * 5]
    assert doubt(Service(with_repeat_at(4_500, 5_000), 1_000)) == "several have the same"


def with_repeat_at(number, count=20_000):
    keys = [f"{each:06}" for each in range(count)]
    return [*keys[:number], keys[number - 1], *keys[number + 1 :]]


@pytest.mark.parametrize("cut", [500, 1_000, 20_000])
def test_a_page_that_the_server_cut_is_not_the_end(cut):
    assert doubt(Service(with_repeat_at(901, 1_500), cut=cut)) == "several have the same"
    assert doubt(Service(with_repeat_at(10_500), cut=cut)) == "several have the same"


def test_how_many_rows_are_looked_at_depends_on_nothing_but_their_number():
    service = Service(with_repeat_at(12_000))
    assert doubt(service) == ""
    assert [top for top, _ in service.tops] == [1_000, 10_000, 1]
    service = Service(with_repeat_at(12_000), cut=2)
    assert doubt(service) == ""
    assert len(service.tops) == 26


class Failing(Service):
    """Fails with these requests for rows, each once."""

    def __init__(self, keys, failures):
        super().__init__(keys)
        self._failures = failures

    def rows(self, *args, **request):
        answer = super().rows(*args, **request)
        if problem := self._failures.get(len(self.tops)):
            raise RequestFailed(problem, request["where"])
        return answer


EMPTY_BODY = Problem(Action.ASK_FOR_LESS, FailureType.transient_error, "an empty body")


@pytest.mark.parametrize("problem", [TOO_MANY, EMPTY_BODY], ids=["too many", "empty"])
@pytest.mark.parametrize("number", [1, 2])
def test_one_failure_changes_nothing_of_what_is_found(number, problem):
    unique, repeat = [f"{each:06}" for each in range(1_500)], with_repeat_at(901, 1_500)
    assert doubt(Failing(unique, {number: problem})) == ""
    assert doubt(Failing(repeat, {number: problem})) == "several have the same"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_one_empty_body_to_the_question_for_empty_parts_behind_says_nothing(times):
    class Holed(Failing):
        def rows(self, *args, **request):
            page = super().rows(*args, **request)
            return ODataPage([{"Nbr": None}], 0, None) if "$filter" in args[3] else page

    failures = dict.fromkeys(range(3, 3 + times), EMPTY_BODY)
    expected = "a part of it is empty in some" if times < 3 else ""
    assert doubt(Holed([f"{each:06}" for each in range(20_000)], failures)) == expected


def test_what_others_move_to_another_answer_is_no_repeat():
    class Growing(Service):
        def rows(self, *args, **request):
            answer = super().rows(*args, **request)
            self._keys = [f"000000-{len(self.tops)}", *self._keys]
            return answer

    assert doubt(Growing([f"{each:06}" for each in range(1_500)])) == ""


def test_an_inquiry_that_cannot_be_ordered_is_looked_at_in_each_answer_by_itself():
    class Unordered(Service):
        def rows(self, tenant, feed, resource, options, **request):
            if "$orderby" in options:
                raise RequestFailed(EMPTY_BODY, request["where"])
            self._keys = self._keys[::-1]
            return super().rows(tenant, feed, resource, options, **request)

    assert doubt(Unordered([f"{each:06}" for each in range(1_500)])) == ""
    assert doubt(Unordered(["1", *map(str, range(1_500))])) == "several have the same"
