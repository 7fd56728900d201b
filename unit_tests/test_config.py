"""Tests how settings are validated, completed with defaults and kept out of every output."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import ValidationError

from source_acumatica.config import Config, Credentials, unknown_settings

REQUIRED = {
    "instance_url": "https://erp.example.com/AcumaticaERP",
    "tenants": ["Company"],
    "client_id": "88358B02-A48D",
    "client_secret": "the client's secret",
    "username": "airbyte",
    "password": "the user's password",
}


def parsed(**changes):
    return Config.parse({**REQUIRED, **changes})


def refusal(**changes):
    with pytest.raises(AirbyteTracedException) as caught:
        parsed(**changes)
    assert caught.value.failure_type is FailureType.config_error
    assert caught.value.internal_message is None or caught.value.internal_message == caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://erp.example.com", "https://erp.example.com"),
        ("https://erp.example.com/", "https://erp.example.com"),
        ("https://erp.example.com/AcumaticaERP", "https://erp.example.com/AcumaticaERP"),
        ("https://erp.example.com/AcumaticaERP/", "https://erp.example.com/AcumaticaERP"),
        ("https://erp.example.com/a/b//", "https://erp.example.com/a/b"),
        ("  https://erp.example.com\n", "https://erp.example.com"),
        ("https://erp.example.com:8443/x", "https://erp.example.com:8443/x"),
        ("HTTPS://erp.example.com", "https://erp.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_kept_up_to_its_virtual_directory(written, meant):
    assert parsed(instance_url=written).instance_url == meant


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("erp.example.com", "https://host"),
        ("", "https://host"),
        ("https://", "https://host"),
        ("https:///Main", "https://host"),
        ("ftp://erp.example.com", "https://host"),
        ("https://[::1", ""),
        ("http://erp.example.com", "use https"),
        ("http://10.0.0.1", "use https"),
        ("http://[::2]", "use https"),
        ("http://localhost.example.com", "use https"),
        ("https://erp.example.com/?company=A", "without sign-in data or parameters"),
        ("https://erp.example.com/#x", "without sign-in data or parameters"),
        ("https://user@erp.example.com", "without sign-in data or parameters"),
        ("https://user:pw@erp.example.com", "without sign-in data or parameters"),
    ],
)
def test_an_address_that_is_none_is_refused_with_a_hint(written, hint):
    message = refusal(instance_url=written)
    assert "instance_url: " in message
    assert hint in message


@pytest.mark.parametrize(
    "host",
    ["a" * 64 + ".example.com", "erp..example.com", ".example.com", "erp.example.com:99999", "my erp.example.com",
     ".".join(["a" * 60] * 5), "erp-.example.com", "*.example.com", "[::zz]", "erp.example.com:port"],
)  # fmt: skip
def test_a_host_that_cannot_be_is_refused_with_the_settings(host):
    with pytest.raises(AirbyteTracedException, match="instance_url") as caught:
        parsed(instance_url=f"https://{host}/AcumaticaERP")
    assert caught.value.failure_type is FailureType.config_error


@pytest.mark.parametrize(
    "host", ["erp", "münchen.example.com", "erp.example.com.", "10.0.0.7:8443", "[::1]", "my_erp.local"]
)
def test_any_host_that_can_be_is_accepted(host):
    assert parsed(instance_url=f"https://{host}").instance_url == f"https://{host}"


def test_an_address_with_a_password_but_no_user_is_refused():
    assert "without sign-in data" in refusal(instance_url="https://:hunter2@erp.example.com")


def test_every_optional_setting_has_its_default():
    config = parsed()
    assert config.model_dump() == {
        **REQUIRED,
        "tenants": ("Company",),
        "tenant_credentials": (),
        "endpoints": (),
        "generic_inquiries": ("*",),
        "dac_tables": (),
        "dac_linked_columns": (),
        "inquiry_parameters": (),
        "inquiry_forms": (),
        "row_filters": (),
        "start_date": None,
        "lookback_minutes": 15,
        "reread_days": None,
        "track_deletions": False,
        "compare_keys_hours": 24,
        "track_linked_changes": False,
        "include_archived": False,
        "include_custom_fields": True,
        "include_attachments": False,
        "max_page_size": 5000,
        "max_sessions": 1,
        "requests_per_minute": None,
        "read_timeout_seconds": 660,
    }
    assert config.lookback == timedelta(minutes=15)


@pytest.mark.parametrize("name", [name for name in Config.model_fields if name not in REQUIRED])
def test_null_means_the_default(name):
    assert parsed(**{name: None}) == parsed()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_setting_that_is_missing_or_null_is_named(name):
    assert f"{name}: " in refusal(**{name: None})
    with pytest.raises(AirbyteTracedException, match=f"{name}: "):
        Config.parse({key: value for key, value in REQUIRED.items() if key != name})


@pytest.mark.parametrize("name", ["client_id", "client_secret", "username", "password"])
def test_an_empty_credential_is_refused_by_name(name):
    assert f"{name}: " in refusal(**{name: ""})


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("lookback_minutes", 0, 10080),
        ("reread_days", 1, 3650),
        ("max_page_size", 1, 10000),
        ("max_sessions", 1, 32),
        ("requests_per_minute", 1, None),
        ("read_timeout_seconds", 30, 3600),
    ],
)
def test_a_number_keeps_to_its_limits(name, lowest, highest):
    assert getattr(parsed(**{name: lowest}), name) == lowest
    assert f"{name}: " in refusal(**{name: lowest - 1})
    if highest is not None:
        assert getattr(parsed(**{name: highest}), name) == highest
        assert f"{name}: " in refusal(**{name: highest + 1})
    assert f"{name}: " in refusal(**{name: "many"})


def test_all_wrong_settings_are_named_in_one_message():
    message = refusal(instance_url="x", max_sessions=0, tenants=[])
    assert all(f"{name}: " in message for name in ("instance_url", "max_sessions", "tenants"))


def test_an_unknown_setting_does_no_harm():
    assert parsed(__injected_components={}, left_over=1) == parsed()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"row_filter": []}, "'row_filter' is not a setting of this connector and has no effect: do you mean row_f"),
        ({"Tenants": ["A"]}, "do you mean tenants?"),
        ({"colour": "red"}, "'colour' is not a setting of this connector and has no effect."),
        ({"tenant_credentials": [{"tenant": "A", "pasword": "x"}]}, "tenant_credentials: 'pasword'"),
        ({"row_filters": [{"stream": "A", "filters": "x"}]}, "do you mean filter?"),
        ({"inquiry_parameters": [{"enquiry": "A"}]}, "do you mean inquiry?"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_reads_is_told_with_the_one_that_it_looks_like(raw, said):
    (warning,) = unknown_settings({**REQUIRED, **raw})
    assert said in warning


@pytest.mark.parametrize(
    "raw", [{}, {"_limit": 5, "__injected": {}}, {"tenant_credentials": "x"}, {"row_filters": [5]}]
)
def test_what_the_platform_adds_is_no_unknown_setting(raw):
    assert list(unknown_settings({**REQUIRED, **raw})) == []


def test_no_value_of_an_unknown_setting_is_told():
    assert "hunter2" not in "".join(
        unknown_settings({"pass_word": "hunter2", "tenant_credentials": [{"pw": "hunter2"}]})
    )


def test_a_second_entry_for_a_tenant_is_refused():
    own = [{"tenant": "Company", "password": "a"}, {"tenant": "Company", "username": "b"}]
    assert "Company has more than one entry" in refusal(tenant_credentials=own)


def filters(*pairs):
    return [{"stream": stream, "filter": condition} for stream, condition in pairs]


def test_conditions_of_a_stream_are_joined_in_parentheses():
    config = parsed(
        row_filters=filters(("SalesOrder", "A eq 1 or B eq 2"), ("Sales*", " C eq 3 "), ("dac__*", "D eq 4"))
    )
    assert config.condition("SalesOrder") == "(A eq 1 or B eq 2) and (C eq 3)"
    assert config.condition("SalesInvoice") == "(C eq 3)"
    assert config.condition("dac__SOOrder") == "(D eq 4)"
    assert config.condition("Customer") == ""


@pytest.mark.parametrize("condition", ["A eq 1) or (B eq 2", "(A eq 1", "A eq 'x", "A eq ')' or B eq ')'')", " ", ""])
def test_a_condition_that_would_reach_beyond_its_parentheses_is_refused(condition):
    assert "row_filters.0.filter" in refusal(row_filters=filters(("A", condition)))


@pytest.mark.parametrize(
    "condition", ["A eq ')'", "A eq 'O''Brien ('", "(A eq 1) and (B eq '(')", "A eq '()' or B ne '))'"]
)
def test_signs_within_quotation_marks_are_text(condition):
    assert parsed(row_filters=filters(("A", condition))).condition("A") == f"({condition})"


def test_conditions_that_fill_an_address_are_refused_by_the_stream():
    config = parsed(row_filters=filters(("A", f"B eq '{'ü' * 200}'"), ("C", "D eq 1")))
    assert config.condition("C")
    with pytest.raises(AirbyteTracedException, match="the conditions for A have"):
        config.condition("A")


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        parsed().max_sessions = 3


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-01-01T00:00:00Z", datetime(2025, 1, 1, tzinfo=UTC)),
        ("2025-01-01", datetime(2025, 1, 1, tzinfo=UTC)),
        ("2025-01-01T10:00:00", datetime(2025, 1, 1, 10, tzinfo=UTC)),
        ("2025-01-01T10:00:00.25+03:00", datetime(2025, 1, 1, 7, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_start_date_without_a_zone_is_in_utc(written, meant):
    assert parsed(start_date=written).start_date == meant


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-01"])
def test_a_start_date_in_year_one_is_as_early_as_the_database_can_compare(written):
    assert parsed(start_date=written).start_date == datetime(1753, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize("written", ["yesterday", "2025-13-01", "01/02/2025", ""])
def test_a_start_date_that_is_none_is_refused(written):
    assert "start_date: " in refusal(start_date=written)


def test_tenants_keep_spaces_and_capitals_to_the_letter():
    names = ["Oppenheimer Live", "oppenheimer live", "Ünïcode & Co", " padded "]
    assert parsed(tenants=names).tenants == tuple(names)


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ([], "tenants: "),
        ("Company", "tenants: "),
        ([""], "a login name is empty"),
        (["A", "  "], "a login name is empty"),
        (["A", "B", "A"], "each login name may stand there once"),
        ([1], "tenants.0: "),
    ],
)
def test_tenants_that_cannot_be_meant_are_refused(names, hint):
    assert hint in refusal(tenants=names)


@pytest.mark.parametrize("client_id", ["GUID", "GUID@Company", "GUID@Another", "GUID@Old@Name"])
@pytest.mark.parametrize("tenant", ["Company", "Oppenheimer Live"])
def test_the_client_id_ends_in_the_tenant_that_is_signed_in_to(client_id, tenant):
    config = parsed(client_id=client_id, tenants=["Company", "Oppenheimer Live"])
    assert config.credentials(tenant) == Credentials(
        f"GUID@{tenant}", REQUIRED["client_secret"], REQUIRED["username"], REQUIRED["password"]
    )


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, ("88358B02-A48D@B", "the client's secret", "airbyte", "the user's password")),
        ({"client_id": "OTHER"}, ("OTHER@B", "the client's secret", "airbyte", "the user's password")),
        ({"client_id": "OTHER@A"}, ("OTHER@B", "the client's secret", "airbyte", "the user's password")),
        ({"client_secret": "s2"}, ("88358B02-A48D@B", "s2", "airbyte", "the user's password")),
        ({"username": "u2", "password": "p2"}, ("88358B02-A48D@B", "the client's secret", "u2", "p2")),
        (
            {"username": "", "password": None},
            ("88358B02-A48D@B", "the client's secret", "airbyte", "the user's password"),
        ),
    ],
    ids=str,
)
def test_a_tenants_own_credentials_replace_what_differs_and_nothing_else(own, expected):
    config = parsed(tenants=["A", "B"], tenant_credentials=[{"tenant": "B", **own}])
    assert config.credentials("B") == expected
    assert config.credentials("A") == ("88358B02-A48D@A", "the client's secret", "airbyte", "the user's password")


def test_credentials_of_a_tenant_that_is_not_read_are_refused():
    message = refusal(tenant_credentials=[{"tenant": "company", "password": "hunter2"}])
    assert "tenant_credentials: company is not among the tenants" in message


def test_credentials_without_a_tenant_are_refused():
    assert "tenant_credentials.0.tenant: " in refusal(tenant_credentials=[{"password": "x"}])


def test_parameters_are_told_apart_by_inquiry():
    config = parsed(
        inquiry_parameters=[
            {"inquiry": "AccountSummaryInquiry", "name": "Period", "value": "012026"},
            {"inquiry": "AccountSummaryInquiry", "name": "Year", "value": 2026},
            {"inquiry": "Budget", "name": "Period", "value": "022026"},
        ]
    )
    assert config.parameter_sets("AccountSummaryInquiry") == [{"Period": "012026", "Year": 2026}]
    assert config.parameter_sets("Budget") == [{"Period": "022026"}]
    assert config.parameter_sets("Other", "Default/Budget") == [{}]
    assert config.asked("AccountSummaryInquiry") == ()


def test_several_values_of_a_parameter_are_asked_in_all_combinations():
    given = [("X", "Period", "012026"), ("X", "Branch", "A"), ("X", "Period", "022026"), ("X", "Period", "012026")]
    config = parsed(inquiry_parameters=[{"inquiry": i, "name": n, "value": v} for i, n, v in given])
    assert config.parameter_sets("X") == [{"Period": "012026", "Branch": "A"}, {"Period": "022026", "Branch": "A"}]
    assert config.asked("X") == ("Period", "Branch")
    assert config.varied("X") == ("Period",)
    assert config.varied("Y") == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"instance_url": "https://user:hunter2@host", "password": "hunter2"},
        {"max_sessions": 0, "password": "hunter2"},
        {"password": ["hunter2"]},
        {"client_secret": {"hunter2": "hunter2"}},
        {"tenants": [], "client_secret": "hunter2"},
        {"tenants": ["A", "A"], "password": "hunter2"},
        {"dac_tables": "SOOrder", "password": "hunter2"},
        {"tenant_credentials": [{"tenant": "X", "password": "hunter2"}]},
        {"tenant_credentials": [{"password": "hunter2"}]},
        {"tenant_credentials": "hunter2"},
    ],
    ids=str,
)
def test_no_refusal_contains_a_secret(changes):
    with pytest.raises(AirbyteTracedException) as caught:
        parsed(**changes)
    shown = (caught.value.message or "") + str(caught.value) + str(caught.value.internal_message)
    assert "hunter2" not in shown
    # A chained ValidationError would print the settings into the trace.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_start_date_in_the_future_is_refused():
    assert "start_date: 2999-01-01 lies in the future" in refusal(start_date="2999-01-01")
