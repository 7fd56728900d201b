"""The parts that several entities have: addresses, contacts, attributes."""

from __future__ import annotations

from integration_tests.simulator.catalog.fields import (
    boolean,
    integer,
    string,
)
from integration_tests.simulator.store.recipes import (
    CITIES,
    choice,
    flag,
    serial,
    sometimes,
    text,
    whole,
)
from integration_tests.simulator.store.shapes import (
    Field,
    FieldKind,
    Part,
    Shape,
)

ADDRESS = Shape("Address", (
    string("AddressLine1", text("{0} Street {1}")),
    string("AddressLine2", sometimes(choice("Floor 2", "c/o Ärger"), 2)),
    string("City", choice(*CITIES)), string("Country", choice("US", "CH", "BR", "JP", "PL")),
    string("PostalCode", serial("{:05d}")), string("State", sometimes(choice("NY", "TX", "ON"))),
    boolean("Validated", flag),
    Field("StreetName", FieldKind.STRING, sometimes(text("{0} Street")), since="25.200.001"),
    Field("AddressLine3", FieldKind.STRING, sometimes(choice("Room 3")), since="26.200.001"),
))  # fmt: skip
CONTACT_LINK = Shape("DocContact", (
    string("BusinessName", text("{0}")), string("Email", sometimes(serial("post{:d}@example.com"), 5)),
    string("Attention", sometimes(text("{0}"))), string("Phone1", sometimes(serial("+1 555 {:07d}"))),
))  # fmt: skip
CONTACT = Shape("BusinessAccountMainContact", (
    integer("ContactID", whole(1, 9999)), string("DisplayName", text("{0}")),
    string("Email", sometimes(serial("info{:d}@example.com"), 4)),
    string("Phone1", sometimes(serial("+41 44 {:07d}"))),
), links=(Part("Address", ADDRESS),))  # fmt: skip
ATTRIBUTE = Shape("AttributeValue", (
    string("AttributeID", serial("ATTR{:02d}")), string("AttributeDescription", text("{0}")),
    boolean("Required", flag), string("Value", sometimes(choice("Large", "Small", "ja"))),
))  # fmt: skip
