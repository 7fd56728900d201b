"""Tests that types of a description are kept with all their properties and links, apart from each other."""

from __future__ import annotations

from source_acumatica.odata.packed_types import PackedType, link_to, parted_link, same_in_both


def test_properties_and_links_come_back_as_they_were_noted():
    one = PackedType("N.Base", ["Id"])
    one.properties += ["Id\tEdm.Int32", link_to("Payer", "N.Customer"), link_to("Lines", "Collection(N.Line)")]
    one.pack()
    assert one.properties == []
    assert dict(one.types()) == {"Id": "Edm.Int32"}
    assert dict(one.types(of_links=True)) == {"Payer": "N.Customer", "Lines": "Collection(N.Line)"}


def test_a_type_without_properties_has_none():
    empty = PackedType("")
    empty.pack()
    assert [*empty.types(), *empty.types(of_links=True)] == []


def test_pairs_of_columns_are_kept_behind_their_link():
    one = PackedType("")
    one.properties.append(link_to("Order", "N.Order") + same_in_both("Type", "OrderType") + same_in_both("Nbr", "Nbr"))
    one.pack()
    assert parted_link(dict(one.types(of_links=True))["Order"]) == ("N.Order", (("Type", "OrderType"), ("Nbr", "Nbr")))
    assert parted_link("N.Order") == ("N.Order", ())
