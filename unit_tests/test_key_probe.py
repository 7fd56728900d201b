"""Tests how the rows of an inquiry are looked at: no failure is taken for a key, or for none."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.entity import FieldKind
from source_acumatica.errors import Next, Problem, RequestFailed
from source_acumatica.feed_pages import FeedPage
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.key_probe import KeyProbe

TABLE = FeedTable(FeedDoor.INQUIRIES, "Orders", "Orders", {"Nbr": FieldKind.STRING}, ("Nbr",))
TOO_MANY = Problem(Next.FEWER_ROWS, FailureType.transient_error, "too many rows")


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
        return FeedPage([{"Nbr": key} for key in found[: self._cut]], 0, "further" if found[self._cut :] else None)


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
    assert service.tops[-1] == (2, False)


def test_further_rows_that_are_too_many_are_not_cheap():
    service = Service([str(number) for number in range(5_000)], 1_000)
    assert doubt(service) == ""
    assert [top for top, _ in service.tops] == [1_000, 10_000, 1]


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
