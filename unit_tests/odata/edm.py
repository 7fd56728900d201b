"""Descriptions of OData services, written by hand: for the tests of what reads them."""

from __future__ import annotations

from source_acumatica.odata.metadata import read_metadata


def everything(_name, _type):
    return True


def read(*chunks, is_wanted=everything):
    return read_metadata(chunks, is_wanted)


def by_type(metadata):
    return {entity_set.type_name: entity_set for entity_set in metadata.entity_sets}


def document(schemas, version="4.0"):
    return f'<Edmx Version="{version}"><DataServices>{schemas}</DataServices></Edmx>'.encode()


def small(types, sets, namespace="N", more=""):
    container = f'<EntityContainer Name="C">{sets}</EntityContainer>'
    return document(f'<Schema Namespace="{namespace}" Alias="Self">{types}{container}</Schema>{more}')


def an_entity(name, columns, base="", keys=()):
    key = "".join(f'<PropertyRef Name="{each}"/>' for each in keys)
    properties = "".join(f'<Property Name="{each}" Type="{kind}"/>' for each, kind in columns.items())
    parent = f' BaseType="{base}"' if base else ""
    return f'<EntityType Name="{name}"{parent}>{f"<Key>{key}</Key>" if key else ""}{properties}</EntityType>'


def a_set(name, entity_type, inner=""):
    return f'<EntitySet Name="{name}" EntityType="{entity_type}">{inner}</EntitySet>'
