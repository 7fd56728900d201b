"""Tests which fields hold credentials of other systems, and that these come from nowhere."""

from __future__ import annotations

import pytest

from source_acumatica.contract.description import read_description
from source_acumatica.reading.credentials import credentials_in, is_credential, left_out
from source_acumatica.reading.fields import FieldKind


@pytest.mark.parametrize(
    "name",
    ["AccessToken", "RefreshToken", "SharedSecret", "WebDAVPassword", "Password", "StoreXAuthToken", "FtpPass",
     "StoreWDAVClientPass", "WeatherApiKey", "APIKey", "Api_Key", "api_key", "client_secret", "ClientSecret", "Secret",
     "RotatingSecret", "PasswordHash", "PasswordAnswer", "OldPassword2", "UsrShopToken", "UserPwd", "TokenValue",
     "EncryptionKey", "ConnectionString", "SecretKey", "CertificatePassword", "LicenseKey", "Passwd"],
)  # fmt: skip
def test_a_field_that_is_called_as_credentials_are_is_one(name):
    assert is_credential(name)


@pytest.mark.parametrize(
    "name",
    ["AccountNumber", "BankRoutingNumber", "IBAN", "ConfigKey", "Key", "LineKey", "ForeignKey", "PublicKey",
     "Passenger", "Bypass", "Compass", "IsStatusPassed", "PassThrough", "TokenType", "PasswordChangedOn",
     "Secretary", "Tokens", "SecretsOfTheTrade", "Description", "Value", "CreditCardNumber", "MonkeyKey", "PASS"],
)  # fmt: skip
def test_what_only_sounds_alike_and_bank_numbers_stay(name):
    assert not is_credential(name)


def test_settings_of_plug_ins_are_known_by_their_table():
    assert is_credential("Value", "CarrierPluginDetail")
    assert is_credential("StoreXAuthClient", "BCBindingBigCommerce")
    assert not is_credential("Value", "CSAnswers")


def test_numbers_dates_and_flags_are_about_credentials_and_none():
    fields = {
        "Password": FieldKind.STRING,
        "AccessToken": FieldKind.GUID,
        "ApiKey": FieldKind.UNKNOWN,
        "ChangePassword": FieldKind.BOOLEAN,
        "MaxToken": FieldKind.INTEGER,
        "LastToken": FieldKind.DATE_TIME,
    }
    assert credentials_in(fields, "Store") == ["Password", "AccessToken", "ApiKey"]


def test_a_key_stays_whatever_its_name():
    assert credentials_in({"Token": FieldKind.STRING, "Secret": FieldKind.STRING}, "X", ["Token"]) == ["Secret"]


def test_the_log_names_them():
    assert left_out("Tenant 'A', X", ["Password"]).endswith("credentials of other systems: Password.")


def value(kind="StringValue"):
    return {"$ref": f"#/components/schemas/{kind}"}


def test_they_are_in_no_shape_of_an_endpoint_at_any_depth():
    schemas = {
        "StringValue": {"properties": {"value": {"type": "string"}}},
        "Store": {
            "properties": {
                "StoreName": value(),
                "AccessToken": value(),
                "Owner": {"$ref": "#/components/schemas/User"},
                "Logins": {"type": "array", "items": {"$ref": "#/components/schemas/Login"}},
            }
        },
        "User": {"properties": {"Login": value(), "Password": value()}},
        "Login": {
            "properties": {"Address": value(), "SharedSecret": value(), "Inner": {"items": {"$ref": "#/x/User"}}}
        },
    }
    rows = {"items": {"$ref": "#/components/schemas/Store"}}
    answer = {"200": {"content": {"application/json": {"schema": rows}}}}
    document = {
        "openapi": "3.0.1",
        "info": {"version": "4"},
        "paths": {"/Store": {"get": {"responses": answer}}},
        "components": {"schemas": schemas},
    }
    description = read_description(document)
    store = description.entities["Store"]
    assert set(store.fields) == {"StoreName"}
    assert set(store.objects["Owner"].fields) == {"Login"}
    assert set(store.collections["Logins"].fields) == {"Address"}
    assert set(store.collections["Logins"].collections["Inner"].fields) == {"Login"}
    assert sorted(description.credentials) == ["Login.SharedSecret", "Store.AccessToken", "User.Password"]
