"""Tests when the settings ask for more than what a tenant was read with, and what is read then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.config import Config
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.learnt import FILTER_WORKS
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.read_with import asks_for_more, explain_mixture, read_with
from source_acumatica.reading.window import Window

SETTINGS = {
    "instance_url": "https://erp.example.com/Site",
    "tenants": ["Company"],
    "client_id": "c",
    "client_secret": "secret",
    "username": "u",
    "password": "word",
}
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def settings(
    *,
    condition="",
    parameters=(),
    has_custom=True,
    odata_version=None,
    designed_at=None,
    absent=(),
    present=(),
    has_ids=False,
    has_ids_in_rows=True,
    has_ids_in_keys=False,
    choices_named=(),
    has_files=None,
    **changes,
):
    config = Config.parse({**SETTINGS, **changes})
    return read_with(
        config,
        "Company",
        condition=condition,
        absent=absent,
        present=present,
        parameters=parameters,
        has_custom=has_custom,
        odata_version=odata_version,
        designed_at=designed_at,
        has_ids=has_ids,
        has_ids_in_rows=has_ids_in_rows,
        has_ids_in_keys=has_ids_in_keys,
        choices_named=choices_named,
        has_files=has_files,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"include_archived": True}),
        ({"include_custom_fields": False}, {}),
        ({"has_files": False}, {"has_files": True}),
        ({"start_date": "2024-01-01"}, {}),
        ({"start_date": "2024-01-01"}, {"start_date": "2023-12-31T23:59:59Z"}),
        ({"condition": "(A eq 1)"}, {}),
        ({"condition": "(A eq 1)"}, {"condition": "(A eq 2)"}),
        ({"parameters": [{"Period": "012026"}]}, {"parameters": [{"Period": "022026"}]}),
        ({"parameters": [{"Period": "012026"}]}, {"parameters": [{"Period": "012026"}, {"Period": "022026"}]}),
        ({"parameters": [{"Period": "012026"}]}, {"parameters": [{}]}),
        ({"parameters": [{}]}, {"parameters": [{"Period": "012026"}]}),
        ({}, {"username": "v"}),
        ({}, {"tenant_credentials": [{"tenant": "Company", "username": "v"}]}),
        ({"designed_at": "2026-01-01"}, {"designed_at": "2026-01-02"}),
        ({"absent": ["Terms", "Zone"]}, {"present": {"Terms", "Name"}}),
        ({"absent": ["Terms", "Zone"]}, {"absent": ["Terms"], "present": {"Zone"}}),
    ],
)
def test_where_more_or_other_rows_are_asked_for_a_reason_is_given(before, after):
    assert len(list(asks_for_more(settings(**before), settings(**after)))) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"include_archived": True}, {}),
        ({}, {"include_custom_fields": False}),
        ({"has_files": True}, {"has_files": False}),
        ({"has_files": True}, {"has_files": True}),
        ({}, {"start_date": "2024-01-01"}),
        ({"start_date": "2024-01-01"}, {"start_date": "2025-01-01"}),
        ({"start_date": "2024-01-01T00:00:00Z"}, {"start_date": "2024-01-01T02:00:00+02:00"}),
        ({}, {"condition": "(A eq 1)"}),
        ({"parameters": [{"A": 1, "B": "2"}, {"A": 2}]}, {"parameters": [{"A": "2"}, {"B": 2, "A": "1"}]}),
        ({"parameters": [{}]}, {}),
        ({"include_custom_fields": False, "has_custom": False}, {"has_custom": False}),
        ({"designed_at": "2026-01-01"}, {"designed_at": "2026-01-01"}),
        ({}, {"designed_at": "2026-01-01"}),
        ({"absent": ["Terms"]}, {"present": {"Name"}}),
        ({}, {"absent": ["Terms"], "present": {"Name"}}),
        ({"designed_at": "2026-01-01"}, {}),
        ({}, {"max_sessions": 4, "lookback_minutes": 60, "password": "another"}),
    ],
)
def test_where_the_same_or_less_is_asked_for_nothing_is_read_again(before, after):
    assert list(asks_for_more(settings(**before), settings(**after))) == []


def test_what_a_state_of_old_was_read_with_is_not_known_and_not_guessed():
    now = settings(include_archived=True)
    progress = Progress(reached="2026-01-01T00:00:00.000000Z")
    assert progress.begun_with(now) == replace(progress, read_with=now)


def test_when_an_inquiry_was_changed_is_remembered_while_it_is_unknown():
    progress = Progress(reached="2026-01-01T00:00:00.000000Z", read_with=settings(designed_at="2026-01-01"))
    unknown = progress.begun_with(settings())
    assert unknown == progress
    assert unknown.begun_with(settings(designed_at="2026-01-01")).reached == progress.reached
    changed = unknown.begun_with(settings(designed_at="2026-01-02"))
    assert changed.reached is None
    assert changed.read_with == settings(designed_at="2026-01-02")


FAR = Progress(
    reached="2026-01-01T00:00:00.000000Z",
    reading=Window("2025-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"),
    deletions="2026-01-01T00:00:00.000000Z",
    learnt={FILTER_WORKS: "2026-01-01T00:00:00.000000Z"},
    newest="2025-12-31T00:00:00.000000Z",
    lag=2,
    lag_at="2026-01-01T00:00:00.000000Z",
    has_unstamped=True,
    left_out=("custom",),
    files={"2026-01-01T00:00:00.000000Z": "AAAAAAAA"},
)


def test_more_is_read_from_the_beginning_and_deletions_go_on():
    was = replace(FAR, read_with=settings())
    begun = was.begun_with(settings(include_archived=True))
    assert (begun.reached, begun.reading) == (None, None)
    assert begun.windows(None, timedelta(minutes=15), NOW)[0].since is None
    assert (begun.newest, begun.left_out) == (None, ())
    assert begun.files == {}, "files that came with those rows come with them again"
    assert begun.deletions == FAR.deletions
    assert (begun.learnt, begun.lag, begun.has_unstamped) == ({}, FAR.lag, True)


@pytest.mark.parametrize(
    ("url", "is_another"),
    [
        ("https://new.example.com/Site", True),
        ("https://erp.example.com/Other", True),
        ("https://erp.example.com", True),
        ("https://ERP.example.com:443/Site/", False),
        ("https://erp.example.com/site", False),
    ],
)
def test_another_instance_is_identified_by_its_address_in_any_spelling(url, is_another):
    was, now = settings(), settings(instance_url=url)
    assert bool(explain_mixture(was, now)) is is_another
    assert explain_mixture({}, now) is None, "a state of an earlier version"


def test_a_setting_that_was_narrower_for_a_time_is_read_again_when_it_widens():
    """Archived records that changed in between have not arrived."""
    wide, narrow = settings(include_archived=True), settings()
    between = replace(FAR, read_with=wide).begun_with(narrow)
    assert between.reached == FAR.reached
    assert between.begun_with(wide).reached is None


def test_it_is_kept_in_the_state_of_the_tenant_and_goes_out_with_the_first_page():
    emitted = []
    cursor = TenantCursor("LastModified", ["A", "B"], {}, emitted.append)
    cursor.begin("A", settings())
    assert emitted == []
    cursor.window_done("A", Window(until="2026-01-01T00:00:00.000000Z"))
    first, second = emitted[0]["states"]
    assert first["read_with"] == settings()
    assert "read_with" not in second
    again = TenantCursor("LastModified", ["A", "B"], emitted[0], emitted.append)
    assert again.progress("A").read_with == settings()


def test_a_first_read_that_begins_still_expects_deletions():
    cursor = TenantCursor("LastModified", ["A"], {}, lambda _state: None)
    cursor.begin("A", settings())
    cursor.expect_deletions("A", NOW)
    assert cursor.progress("A").deletions == "2026-11-26T12:00:00.000000Z"


def test_times_of_another_version_of_odata_are_not_mixed_with_those_that_have_come():
    was, now = settings(odata_version=3), settings(odata_version=4)
    assert "through OData 3, and the instance answers in OData 4 now" in explain_mixture(was, now)
    assert "try again later" in explain_mixture(now, was)
    assert explain_mixture(was, was) is None
    assert explain_mixture(settings(), now) is None, "a state of an earlier version"


def test_a_state_that_has_no_parameters_was_read_without_any():
    was = settings()
    assert list(asks_for_more(was, settings(parameters=[{}]))) == []
    assert len(list(asks_for_more(was, settings(parameters=[{"Period": "012026"}])))) == 1


def test_a_user_is_the_same_in_any_case_and_no_name_stands_in_the_state():
    was = settings(username="Jane@Example.com")
    assert list(asks_for_more(was, settings(username="jane@example.com "))) == []
    assert "example.com" not in str(was).lower().replace("erp.example.com", "")


def test_another_contract_version_gives_other_values_to_all_rows():
    four, five = settings(), settings(has_ids=True)
    assert "ids where it had labels" in "".join(asks_for_more(four, five))
    assert "labels where it had ids" in "".join(asks_for_more(five, four))
    assert [*asks_for_more(five, five)] == [*asks_for_more(four, four)] == [*asks_for_more({}, five)] == []
    assert explain_mixture(four, five) is None


def test_another_contract_version_is_all_the_same_for_rows_without_choices():
    """And rows that have none today, as custom fields are off, are of the contract version that they are of."""
    four, five = settings(has_ids_in_rows=False), settings(has_ids=True, has_ids_in_rows=False)
    assert [*asks_for_more(four, five)] == [*asks_for_more(five, four)] == []
    assert [*asks_for_more(five, settings(has_ids=True))] == []
    keys = settings(has_ids=True, has_ids_in_rows=False, has_ids_in_keys=True)
    assert "its keys had labels" in explain_mixture(four, keys)
    by_status = {"condition": "(Status eq 'N')", "has_ids_in_rows": False}
    five = settings(**by_status, has_ids=True, choices_named=["Status"])
    for was, now in ((settings(**by_status), five), (five, settings(**by_status))):
        assert "it compares Status" in explain_mixture(was, now)


def test_another_contract_version_with_other_keys_would_double_each_row():
    four, five = settings(), settings(has_ids=True, has_ids_in_keys=True)
    assert "Refresh the connection's schema" in explain_mixture(four, five)
    assert "had labels (Invoice) and have ids (INV)" in explain_mixture(four, five)
    assert "had ids (INV) and have labels (Invoice)" in explain_mixture(five, four)
    assert explain_mixture(five, five) is explain_mixture({}, five) is None


def test_a_row_filter_by_a_label_is_not_read_on_with_by_a_contract_that_compares_ids():
    four = settings(condition="(Status eq 'Open')")
    five = settings(condition="(Status eq 'Open')", has_ids=True, choices_named=["Status"])
    assert "it compares Status with labels ('Open')" in explain_mixture(four, five)
    changed = settings(condition="(Status eq 'N')", has_ids=True, choices_named=["Status"])
    assert explain_mixture(four, changed) is None
    assert explain_mixture(five, five) is None


def test_rows_of_a_version_that_kept_no_settings_have_labels():
    before = Progress(reached="2026-01-01T00:00:00.000000Z")
    five = settings(has_ids=True, has_ids_in_keys=True)
    assert "had labels (Invoice)" in explain_mixture(before.was_read_with, five)
    assert "ids where it had labels" in "".join(asks_for_more(before.was_read_with, settings(has_ids=True)))
    assert before.begun_with(settings(has_ids=True)).reached is None
    assert before.begun_with(settings()).reached == before.reached
    assert Progress().was_read_with == {}
