"""Tests that the links between tables are read from a description, where they are asked for."""

from __future__ import annotations

from source_acumatica.odata.metadata import read_metadata
from source_acumatica.reading.fields import FieldKind

from .edm import a_set, an_entity, everything, read, small

ORDERS = (
    an_entity("Base", {"No": "Edm.String", "Changed": "Edm.DateTimeOffset", "Secret": "Edm.String"}, keys=["No"])
    + '<EntityType Name="Order" BaseType="N.Base"><NavigationProperty Name="Lines" Type="Collection(Self.Line)"/>'
    '<NavigationProperty Name="Payer" Type="N.Base"/><NavigationProperty Name="Old" Relationship="N.R" ToRole="L"/>'
    '<NavigationProperty Name="Gone" Type="N.Nowhere"/></EntityType>'
    + an_entity("Line", {"At": "Edm.DateTimeOffset", "No": "Edm.String"}, keys=["No"])
)
CLOSED = (
    '<Annotation Term="Cap.FilterRestrictions"><Record><PropertyValue Property="NonFilterableProperties"><Collection>'
    "<PropertyPath>{}</PropertyPath></Collection></PropertyValue></Record></Annotation>"
)


def links_of(sets):
    metadata = read_metadata([small(ORDERS, sets)], lambda name, _type: name == "Order", with_links=True)
    return {link.name: link for link in metadata.entity_sets[0].links}


def test_links_lead_to_the_keys_and_columns_of_other_types():
    links = links_of(a_set("Order", "N.Order") + a_set("Line", "N.Line"))
    assert links.keys() == {"Lines", "Payer"}, "a type that is not described leads nowhere"
    lines, payer = links["Lines"], links["Payer"]
    assert (lines.type_name, lines.is_many, lines.keys) == ("N.Line", True, ("No",))
    assert lines.fields == {"At": FieldKind.DATE_TIME, "No": FieldKind.STRING}
    assert (payer.type_name, payer.is_many) == ("N.Base", False)


def constraint(own, other):
    return f'<ReferentialConstraint Property="{own}" ReferencedProperty="{other}"/>'


def test_links_have_the_columns_that_are_described_as_the_same_and_no_others():
    old = '<ReferentialConstraint><Principal Role="A"><PropertyRef Name="X"/></Principal></ReferentialConstraint>'
    content = (
        constraint("Lost", "Nowhere")
        + '<NavigationProperty Name="Payer" Type="N.Order">'
        + f"{constraint('PayerType', 'Type')}{constraint('PayerNo', 'No')}{constraint('A B', 'C')}{constraint('A', '')}"
        + '<OnDelete Action="None"/></NavigationProperty>'
        + constraint("Behind", "Behind")
        + f'<NavigationProperty Name="Old" Relationship="N.R" ToRole="L">{constraint("A", "A")}</NavigationProperty>'
        + f'<NavigationProperty Name="Giver" Type="N.Order">{old}</NavigationProperty>'
    )
    order = an_entity("Order", {"No": "Edm.String"}, keys=["No"]).replace("</EntityType>", f"{content}</EntityType>")
    metadata = read_metadata([small(order, a_set("Order", "N.Order"))], lambda *_: True, with_links=True)
    pairs = {link.name: link.pairs for link in metadata.entity_sets[0].links}
    assert pairs == {"Payer": (("PayerType", "Type"), ("PayerNo", "No")), "Giver": ()}


def test_a_derived_type_has_the_links_of_its_base():
    more = '<EntityType Name="Quote" BaseType="N.Order"/>'
    content = small(ORDERS + more, a_set("Quote", "N.Quote"))
    (quote,) = read_metadata([content], everything, with_links=True).entity_sets
    assert [link.name for link in quote.links] == ["Lines", "Payer"]


def test_what_a_filter_may_not_name_is_no_link_and_no_column_of_one():
    sets = a_set("Order", "N.Order", CLOSED.format("Payer")) + a_set("Line", "N.Line", CLOSED.format("At"))
    links = links_of(sets)
    assert links.keys() == {"Lines"}
    assert links["Lines"].fields == {"No": FieldKind.STRING}


def test_links_are_read_only_where_they_are_asked_for_and_are_no_columns():
    content = small(ORDERS, a_set("Order", "N.Order"))
    (plain,) = read(content).entity_sets
    (linked,) = read_metadata([content], everything, with_links=True).entity_sets
    assert plain.links == ()
    assert linked.fields == plain.fields
    assert linked.unknown == {}
