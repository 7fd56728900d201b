"""Tests what is made of the features that a tenant lists."""

from __future__ import annotations

import pytest

from source_acumatica.contract.features import off_for, read_features

NAME = "PX.Objects.CS.FeaturesSet+Inventory"


@pytest.mark.parametrize(
    ("listed", "features"),
    [
        (None, None),
        ([], None),
        ({}, None),
        ([7], None),
        ([{"enabled": True}], None),
        ([NAME], {"inventory"}),
        (["Inventory", "PX.Objects.CS.FeaturesSet+deviceHub"], {"inventory", "devicehub"}),
        ([{"name": NAME, "enabled": True}, {"name": "Payroll", "enabled": False}], {"inventory"}),
    ],
)
def test_features_are_read_in_any_form_that_says_what_is_on(listed, features):
    assert read_features(listed) == features


@pytest.mark.parametrize(
    ("dac", "features", "off"),
    [
        ("PX.Objects.IN.InventoryItem", frozenset({"inventory"}), ""),
        ("PX.Objects.IN.InventoryItem", frozenset({"payroll"}), "Inventory"),
        ("PX.Objects.IN.InventoryItem", None, ""),
        ("PX.Objects.GL.Account", frozenset(), ""),
        ("", frozenset(), ""),
    ],
)
def test_a_feature_is_off_only_where_the_list_tells(dac, features, off):
    assert off_for(dac, features) == off
