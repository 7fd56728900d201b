"""Tests that OData descriptions of both versions are read as they are meant, and hostile ones are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration_tests.simulator.odata.dacs import DACS
from integration_tests.simulator.odata.dialects import Version
from integration_tests.simulator.odata.edm import Access
from integration_tests.simulator.odata.inquiries import INQUIRIES
from integration_tests.simulator.odata.metadata import inquiries_metadata, tables_metadata
from source_acumatica.odata import metadata as edmx
from source_acumatica.odata.metadata import BrokenMetadataError, MetadataError, read_metadata
from source_acumatica.reading.fields import FieldKind

from .edm import a_set, an_entity, by_type, everything, read, small

TABLES = b"".join(tables_metadata(0))


# ------------------------------------------------------------------------------------------------ what the ERP sends


@pytest.mark.parametrize("table", DACS, ids=lambda table: table.name)
def test_a_table_has_its_keys_columns_and_names(table):
    entity_set = by_type(read(TABLES))[table.full_name]
    restricted = {name for name, column in table.column_by_name.items() if column.access is Access.RESTRICTED}
    assert entity_set.keys == table.all_keys
    assert set(entity_set.names) == set(table.aliases)
    assert set(entity_set.fields) == table.column_by_name.keys() - restricted
    inherited = list(table.base.column_by_name) if table.base else []
    assert list(entity_set.fields)[: len(inherited)] == inherited
    assert entity_set.is_short_name_unique
    assert entity_set.unknown == {}


@pytest.mark.parametrize("version", list(Version), ids=lambda version: version.name)
@pytest.mark.parametrize("inquiry", INQUIRIES, ids=lambda inquiry: inquiry.title)
def test_an_inquiry_has_its_keys_columns_and_parameters(inquiry, version):
    metadata = read(*inquiries_metadata(version))
    assert metadata.version == version.value
    entity_set = next(entity_set for entity_set in metadata.entity_sets if entity_set.names == (inquiry.title,))
    assert entity_set.keys == inquiry.type.all_keys
    assert set(entity_set.fields) == inquiry.type.column_by_name.keys()
    function = metadata.functions.get(inquiry.function)
    expected = {each.name: each.type.value for each in inquiry.parameters}
    assert (dict(function.parameters) if function else {}) == expected
    assert function is None or (function.entity_set, function.type_name) == (inquiry.title, inquiry.type.full_name)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_does_not_matter_in_what_pieces_a_document_arrives(size):
    content = b"".join(inquiries_metadata(Version.V4))
    assert read(*(content[at : at + size] for at in range(0, len(content), size))) == read(content)


def test_only_what_is_wanted_is_told():
    metadata = read(TABLES, is_wanted=lambda name, type_name: name == "SOOrder" or type_name == "PX.Objects.GL.Sub")
    assert {entity_set.type_name for entity_set in metadata.entity_sets} == {
        "PX.Objects.SO.SOOrder",
        "PX.Objects.GL.Sub",
    }


# ----------------------------------------------------------------------------------------------------- how it is read

KINDS = {
    "Edm.String": FieldKind.STRING,
    "Edm.Int16": FieldKind.SHORT,
    "Edm.Int64": FieldKind.LONG,
    "Edm.Decimal": FieldKind.DECIMAL,
    "Edm.Single": FieldKind.DOUBLE,
    "Edm.DateTime": FieldKind.DATE_TIME,
    "Edm.DateTimeOffset": FieldKind.DATE_TIME,
    "Edm.Binary": FieldKind.STRING,
    "Edm.Date": FieldKind.UNKNOWN,
    "N.Colour": FieldKind.UNKNOWN,
    "Collection(Edm.String)": FieldKind.UNKNOWN,
}


def test_every_type_has_its_kind_and_unknown_ones_are_listed():
    columns = {f"C{number}": edm for number, edm in enumerate(KINDS)}
    (entity_set,) = read(small(an_entity("T", columns), a_set("T", "N.T"))).entity_sets
    assert list(entity_set.fields.values()) == list(KINDS.values())
    assert set(entity_set.unknown.values()) == {edm for edm, kind in KINDS.items() if kind is FieldKind.UNKNOWN}


def test_a_base_may_come_before_or_after_and_a_namespace_may_stand_as_its_alias():
    base = an_entity("Base", {"Id": "Edm.String", "Name": "Edm.String"}, keys=["Id"])
    derived = an_entity("Derived", {"Name": "Edm.Int32", "More": "Edm.String"}, base="Self.Base")
    sets = a_set("D", "Self.Derived")
    one, other = read(small(base + derived, sets)), read(small(derived + base, sets))
    assert one == other
    (entity_set,) = one.entity_sets
    assert entity_set.type_name == "N.Derived"
    assert entity_set.keys == ("Id",)
    assert list(entity_set.fields) == ["Id", "Name", "More"]
    assert entity_set.fields["Name"] is FieldKind.INTEGER, "the derived type has the last word"


RESTRICTION = (
    '<Annotation Term="Cap.FilterRestrictions"><Record><PropertyValue Property="NonFilterableProperties"><Collection>'
    "<PropertyPath>Secret</PropertyPath></Collection></PropertyValue></Record></Annotation>"
)


@pytest.mark.parametrize("is_outside", [True, False])
def test_restricted_fields_are_left_out_wherever_they_are_annotated(is_outside):
    types = an_entity("T", {"Id": "Edm.String", "Secret": "Edm.String"}, keys=["Id"])
    more = f'<Schema Namespace="M"><Annotations Target="N.C/T">{RESTRICTION}</Annotations></Schema>'
    content = small(types, a_set("T", "N.T", "" if is_outside else RESTRICTION), more=more if is_outside else "")
    assert list(read(content).entity_sets[0].fields) == ["Id"]


def test_what_is_restricted_is_known_to_be_there():
    types = an_entity("T", {"Id": "Edm.String", "Secret": "Edm.String"}, keys=["Id"])
    (entity_set,) = read(
        small(types, a_set("T", "N.T", RESTRICTION.replace("</Coll", "<PropertyPath>No</PropertyPath></Coll")))
    ).entity_sets
    assert entity_set.restricted == {"Secret"}, "what no type declares is not there"


def unfilterable(value):
    inner = f'<Record><PropertyValue Property="Filterable"{value}</Record>'
    return f'<Annotation Term="Cap.FilterRestrictions">{inner}</Annotation>'


@pytest.mark.parametrize("value", [' Bool="false"/>', "><Bool>false</Bool></PropertyValue>", ' Bool="False"/>'])
def test_the_own_columns_of_a_set_that_is_not_filterable_are_restricted_and_stay_columns(value):
    base = an_entity("Base", {"Id": "Edm.String", "Name": "Edm.String"}, keys=["Id"])
    derived = an_entity("Derived", {"Name": "Edm.Int32", "More": "Edm.String"}, base="N.Base")
    lowest = an_entity("Lowest", {"Last": "Edm.String"}, base="N.Derived")
    sets = a_set("D", "N.Derived", unfilterable(value)) + a_set("Same", "N.Derived") + a_set("L", "N.Lowest")
    entity_sets = by_type(read(small(base + derived + lowest, sets)))
    assert entity_sets["N.Derived"].names == ("D", "Same")
    assert list(entity_sets["N.Derived"].fields) == ["Id", "Name", "More"]
    assert entity_sets["N.Derived"].restricted == {"More"}
    assert entity_sets["N.Lowest"].restricted == set()


@pytest.mark.parametrize("value", [' Bool="true"/>', "/>", "><Bool>true</Bool></PropertyValue>"])
def test_a_set_that_is_filterable_has_no_restricted_columns(value):
    types = an_entity("T", {"Id": "Edm.String"}, keys=["Id"])
    (entity_set,) = read(small(types, a_set("T", "N.T", unfilterable(value)))).entity_sets
    assert entity_set.restricted == set()


def test_what_is_said_of_a_link_is_not_said_of_the_set():
    types = an_entity("T", {"Id": "Edm.String"}, keys=["Id"])
    about_links = unfilterable(' Bool="false"/>').replace("FilterRestrictions", "NavigationRestrictions")
    assert read(small(types, a_set("T", "N.T", about_links))).entity_sets[0].restricted == set()


def test_other_annotations_restrict_nothing():
    sorting = RESTRICTION.replace("NonFilterable", "NonSortable")
    types = an_entity("T", {"Id": "Edm.String", "Secret": "Edm.String"}, keys=["Id"])
    assert list(read(small(types, a_set("T", "N.T", sorting))).entity_sets[0].fields) == ["Id", "Secret"]


def test_what_belongs_to_other_elements_is_no_column():
    types = (
        '<ComplexType Name="X"><Property Name="Inner" Type="Edm.String"/></ComplexType>'
        + an_entity("T", {"Id": "Edm.String"})
        + '<ComplexType Name="Y"><Property Name="Later" Type="Edm.String"/></ComplexType>'
    )
    (entity_set,) = read(small(types, a_set("T", "N.T") + '<Singleton Name="S" Type="N.T"/>')).entity_sets
    assert list(entity_set.fields) == ["Id"]
    assert entity_set.names == ("T",)


def test_a_set_without_a_described_type_and_a_column_without_a_usable_name_are_left_out():
    types = (
        '<EntityType Name="T"><Property Type="Edm.String"/><Property Name="A B" Type="Edm.String"/>'
        '<Property Name="Line&#10;break" Type="Edm.String"/>'
        '<Property Name="Ok" Type="Edm&#9;.&#10;String"/></EntityType>'
    )
    (entity_set,) = read(small(types, a_set("T", "N.T") + a_set("Lost", "N.Nowhere"))).entity_sets
    assert list(entity_set.fields) == ["Ok"]
    assert entity_set.fields["Ok"] is FieldKind.UNKNOWN


@pytest.mark.parametrize("base", ["N.Missing", "N.T", "N.Other"])
def test_bases_that_are_missing_or_lead_in_a_circle_end_somewhere(base):
    types = an_entity("T", {"Id": "Edm.String"}, base=base) + an_entity("Other", {"O": "Edm.String"}, base="N.T")
    entity_set = by_type(read(small(types, a_set("T", "N.T"))))["N.T"]
    assert "Id" in entity_set.fields


def test_the_same_short_name_in_two_namespaces_is_not_unique():
    more = f'<Schema Namespace="M">{an_entity("T", {"Id": "Edm.String"})}</Schema>'
    sets = a_set("N_T", "N.T") + a_set("M_T", "M.T") + a_set("U", "N.U")
    types = an_entity("T", {"Id": "Edm.String"}) + an_entity("U", {"Id": "Edm.String"})
    assert {
        name: entity_set.is_short_name_unique
        for name, entity_set in by_type(read(small(types, sets, more=more))).items()
    } == {
        "N.T": False,
        "M.T": False,
        "N.U": True,
    }


def test_functions_that_are_bound_to_rows_are_none_and_version_3_has_parameters_in_the_import():
    bound = '<Function Name="F" IsBound="true"><Parameter Name="x" Type="N.T"/></Function>'
    imports = '<FunctionImport Name="G"><Parameter Name="p" Type="Edm.String"/></FunctionImport>'
    metadata = read(small(bound, imports + '<FunctionImport Name="F" Function="N.F"/>'))
    assert {name: dict(function.parameters) for name, function in metadata.functions.items()} == {
        "G": {"p": "Edm.String"}
    }


# ------------------------------------------------------------------------------------------------------ what is refused

BOMB = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10 if number else "x" * 100}">' for number in range(9))
HOSTILE = {
    "entities that expand": f"<!DOCTYPE Edmx [{BOMB}]><Edmx>&e8;</Edmx>",
    "an external entity": '<!DOCTYPE Edmx [<!ENTITY x SYSTEM "file:///etc/passwd">]><Edmx>&x;</Edmx>',
    "a parameter entity": '<!DOCTYPE Edmx [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><Edmx/>',
    "a document type alone": "<!DOCTYPE Edmx><Edmx/>",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused_at_once(content):
    with pytest.raises(MetadataError, match="declares a document type") as caught:
        read(content.encode())
    assert not isinstance(caught.value, BrokenMetadataError), "it will not be better the next time"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"no XML",
        b"<Edmx><Schema>",
        b"<Edmx>\0</Edmx>",
        b"<a></b>",
        b"\xff\xfe\x00",
        b'{"value": []}',
        b"<Edmx>&x;</Edmx>",
    ],
    ids=str,
)
def test_a_broken_document_may_be_whole_the_next_time(content):
    with pytest.raises(BrokenMetadataError, match=r"is not valid XML \(line \d+\)$"):
        read(content)


@pytest.mark.parametrize("content", [b"<html><body/></html>", b"<Schema/>", b'<?xml version="1.0"?><a/>'], ids=str)
def test_what_is_something_else_is_refused(content):
    with pytest.raises(MetadataError, match=r"is not one of OData$"):
        read(content)


def test_an_unknown_encoding_is_refused_and_a_wide_one_is_read():
    with pytest.raises(MetadataError):
        read(b'<?xml version="1.0" encoding="klingon"?><Edmx/>')
    text = small(an_entity("T", {"Id": "Edm.String"}), a_set("T", "N.T")).decode()
    assert read(f'<?xml version="1.0" encoding="utf-16"?>{text}'.encode("utf-16")) == read(text.encode())


def test_a_document_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(edmx, "_LARGEST_MEGABYTES", 1)

    def chunks():
        yield b"<Edmx>"
        while True:
            yield b"<!-- " + b"x" * 1000 + b" -->"

    with pytest.raises(MetadataError, match="longer than 1 MB"):
        read_metadata(chunks(), everything)


def test_a_document_that_is_cut_off_anywhere_is_broken():
    content = small(an_entity("T", {"Id": "Edm.String"}, keys=["Id"]), a_set("T", "N.T", RESTRICTION))
    for end in range(len(content)):
        with pytest.raises(BrokenMetadataError):
            read(content[:end])


SMALL = small(an_entity("T", {"Id": "Edm.String"}, keys=["Id"]), a_set("T", "N.T", RESTRICTION))


@given(st.integers(0, len(SMALL)), st.binary(max_size=6), st.integers(0, 20))
def test_whatever_is_changed_in_a_document_it_is_read_or_refused(at, inserted, removed):
    try:
        read(SMALL[:at] + inserted + SMALL[at + removed :])
    except MetadataError as refused:
        assert str(refused)


def test_deep_nesting_does_not_bring_the_interpreter_down():
    code = (
        "from source_acumatica.odata.metadata import *\n"
        "chunks = [b'<Edmx>', *[b'<a>' * 1000] * 1000]\n"
        "try: read_metadata(chunks, lambda *_: True)\n"
        "except MetadataError as error: print('refused:', error)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert outcome.stdout.startswith("refused: the description is not valid XML")


def test_a_long_description_is_read_in_little_memory():
    code = (
        "import resource\n"
        "from integration_tests.simulator.odata.metadata import tables_metadata\n"
        "from source_acumatica.odata.metadata import read_metadata\n"
        "read_metadata(tables_metadata(0), lambda *_: True)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "entity_sets = read_metadata(tables_metadata(10), lambda _set, name: name.endswith('.SOOrder')).entity_sets\n"
        "assert len(entity_sets) == 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(outcome.stdout) < 20_000, "kilobytes; the document has ten thousand"
