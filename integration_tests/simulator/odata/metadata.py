"""`$metadata`: the description of a service as XML, written piece by piece since that of the tables runs to 20 MB."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import quoteattr

from integration_tests.simulator.odata.dacs import BASE_TYPES, DAC_BY_NAME, DACS, SINGLETONS, Dac
from integration_tests.simulator.odata.deletion_rules import DeletionRules
from integration_tests.simulator.odata.dialects import Version
from integration_tests.simulator.odata.edm import Column, Edm, EntityType, Navigation
from integration_tests.simulator.odata.inquiries import INQUIRIES, GenericInquiry
from integration_tests.simulator.trouble.lies import TRUTH, Lies

FRAME = {
    Version.V3: (
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices '
        'm:DataServiceVersion="3.0" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">',
        "http://schemas.microsoft.com/ado/2009/11/edm",
    ),
    Version.V4: (
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:Reference '
        'Uri="Org.OData.Capabilities.V1.xml"><edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Cap"/>'
        "</edmx:Reference><edmx:DataServices>",
        "http://docs.oasis-open.org/odata/ns/edm",
    ),
}
END = "</edmx:DataServices></edmx:Edmx>"
# On a clean site of 2026 R2 the description measures 20 MB and has 2 265 types: 9 kB for each of them.
BYTES_PER_TYPE = 8_900
FILLER_COLUMNS = 165


@dataclass(frozen=True)
class Writer:
    version: Version
    lies: Lies = TRUTH

    def document(self, schemas: Iterable[str]) -> Iterator[bytes]:
        head, namespace = FRAME[self.version]
        yield f'<?xml version="1.0" encoding="utf-8"?>{head}'.encode()
        for schema in schemas:
            yield schema.replace("<Schema ", f'<Schema xmlns="{namespace}" ', 1).encode()
        yield END.encode()

    def entity_type(self, table: EntityType) -> str:
        base = f' BaseType="{table.base.full_name}"' if table.base else ""
        inherited = table.base.column_by_name if table.base else {}
        key = "".join(f'<PropertyRef Name="{name}"/>' for name in table.keys)
        own = [each for each in table.columns if each.name not in inherited]
        content = f"<Key>{key}</Key>" if key else ""
        content += "".join(self._property(each, each.name in table.all_keys) for each in own)
        content += self._navigations(table)
        return f'<EntityType Name="{table.name}"{base}>{content}</EntityType>'

    def _property(self, column: Column, is_key: bool) -> str:
        edm = "Edm.DateTime" if (self.version, column.type) == (Version.V3, Edm.DATE_TIME) else column.type.value
        facets = ' Scale="Variable"' if (self.version, column.type) == (Version.V4, Edm.DECIMAL) else ""
        facets += ' Nullable="false"' if is_key else ""
        return f'<Property Name="{column.name}" Type="{edm}"{facets}/>'

    def _navigations(self, table: EntityType) -> str:
        return "".join(
            f'<NavigationProperty Name="{each.name}" Type="{_many(target) if each.many else target}">'
            f"{self._constraints(each)}</NavigationProperty>"
            for each in table.navigations
            if (target := DAC_BY_NAME[each.target].full_name)
        )

    def _constraints(self, link: Navigation) -> str:
        """The columns by which it joins; sites tell them of most links to one row, of some a part, of others none."""
        pairs = list(link.on.items())[: 1 if link.name in self.lies.half_explained_links else None]
        is_told = not link.many and self.lies.unexplained_links.isdisjoint({link.name, "*"})
        return "".join(
            f'<ReferentialConstraint Property="{own}" ReferencedProperty="{other}"/>' for own, other in pairs if is_told
        )


def _many(name: str) -> str:
    return f"Collection({name})"


def inquiries_metadata(version: Version, inquiries: Sequence[GenericInquiry] = INQUIRIES) -> Iterator[bytes]:
    writer = Writer(version)
    types = "".join(writer.entity_type(each.type) for each in inquiries)
    functions = [each for each in inquiries if each.parameters]
    sets = "".join(_set(each.title, each.type) for each in inquiries)
    if version is Version.V4:
        types += "".join(map(_function, functions))
        sets += "".join(map(_function_import, functions))
    else:
        sets += "".join(map(_old_function_import, functions))
    body = f'{types}<EntityContainer Name="Default">{sets}</EntityContainer>'
    return writer.document([f'<Schema Namespace="PX.Data">{body}</Schema>'])


def _set(name: str, table: EntityType, inner: str = "") -> str:
    return f'<EntitySet Name={quoteattr(name)} EntityType="{table.full_name}">{inner}</EntitySet>'


def _function(inquiry: GenericInquiry) -> str:
    parameters = "".join(f'<Parameter Name="{each.name}" Type="{each.type.value}"/>' for each in inquiry.parameters)
    answer = f'<ReturnType Type="{_many(inquiry.type.full_name)}"/>'
    return f"<Function Name={quoteattr(inquiry.title)}>{parameters}{answer}</Function>"


def _function_import(inquiry: GenericInquiry) -> str:
    name = quoteattr(inquiry.function)
    target = quoteattr(f"PX.Data.{inquiry.title}")
    return f"<FunctionImport Name={name} Function={target} EntitySet={quoteattr(inquiry.title)}/>"


def _old_function_import(inquiry: GenericInquiry) -> str:
    """Version 3 has no functions apart from their imports."""
    edm = {Edm.DATE_TIME: "Edm.DateTime"}
    parameters = "".join(
        f'<Parameter Name="{each.name}" Type="{edm.get(each.type, each.type.value)}"/>' for each in inquiry.parameters
    )
    head = f'Name={quoteattr(inquiry.function)} ReturnType="{_many(inquiry.type.full_name)}"'
    return f"<FunctionImport {head} EntitySet={quoteattr(inquiry.title)}>{parameters}</FunctionImport>"


def tables_metadata(
    megabytes: float, rules: DeletionRules | None = None, dacs: Sequence[Dac] = DACS, lies: Lies = TRUTH
) -> Iterator[bytes]:
    writer, rules = Writer(Version.V4, lies), rules or DeletionRules()
    if megabytes:
        return writer.document(_table_schemas(writer, fillers(megabytes), rules, dacs))
    told = rules.flag, rules.tells_flag, frozenset(rules.unfilterable)
    key = id(dacs), told, lies.unexplained_links, lies.half_explained_links
    if key not in _WRITTEN:
        if len(_WRITTEN) == _MOST_WRITTEN:
            _WRITTEN.clear()
        _WRITTEN[key] = dacs, list(writer.document(_table_schemas(writer, (), rules, dacs)))
    return iter(_WRITTEN[key][1])


# Every discovery asks for them, and few tenants have others; each with the tables of which it was written.
_WRITTEN: dict[Hashable, tuple[Sequence[Dac], list[bytes]]] = {}
_MOST_WRITTEN = 64


def fillers(megabytes: float) -> Sequence[str]:
    """Names of tables that only the description knows: they make it as long as that of a real site."""
    return [f"Filler{number:04d}" for number in range(round(megabytes * 1e6 / BYTES_PER_TYPE))]


def filler_sets(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Three sets for each of three types in four; every fourth type is only the base of others."""
    for number, name in enumerate(names):
        if number % 4:
            yield from ((alias, name) for alias in (f"PX_Objects_FL_{name}", f"Filler_{number:04d}", name))


def _table_schemas(writer: Writer, names: Sequence[str], rules: DeletionRules, dacs: Sequence[Dac]) -> Iterator[str]:
    everything = sorted([*BASE_TYPES, *dacs, *SINGLETONS], key=lambda each: each.namespace)
    for namespace, types in groupby(everything, key=lambda each: each.namespace):
        body = "".join(writer.entity_type(each) for each in types)
        yield f'<Schema Namespace="{namespace}">{body}</Schema>'
    yield from _filler_schema(names)
    yield f'<Schema Namespace="px">{_functions()}</Schema>'
    yield '<Schema Namespace="Default"><EntityContainer Name="Container">'
    for table in dacs:
        yield "".join(_set(alias, table, _restrictions(rules.set_up(table), rules)) for alias in table.aliases)
    for alias, name in filler_sets(names):
        yield f'<EntitySet Name="{alias}" EntityType="PX.Objects.FL.{name}"/>'
    for single in SINGLETONS:
        yield f'<Singleton Name="{single.name}" Type="{single.full_name}"/>'
    yield '<FunctionImport Name="GetServerTime" Function="px.GetServerTime"/></EntityContainer></Schema>'


def _filler_schema(names: Sequence[str]) -> Iterator[str]:
    columns = "".join(
        f'<Property Name="FillerColumn{number:03d}" Type="Edm.String"/>' for number in range(FILLER_COLUMNS)
    )
    body = f'<Key><PropertyRef Name="FillerColumn000"/></Key>{columns}'
    yield '<Schema Namespace="PX.Objects.FL">'
    for name in names:
        yield f'<EntityType Name="{name}">{body}</EntityType>'
    yield "</Schema>"


def _functions() -> str:
    columns = '<Property Name="RefNoteID" Type="Edm.Guid"/><Property Name="DeleteDate" Type="Edm.DateTimeOffset"/>'
    clock = '<Function Name="GetServerTime"><ReturnType Type="Edm.DateTimeOffset"/></Function>'
    bound = "".join(_deletions_of(each) for each in DACS)
    return f'<ComplexType Name="DeletedRecordResult">{columns}</ComplexType>{clock}{bound}'


def _deletions_of(table: Dac) -> str:
    parameter = f'<Parameter Name="bindingParameter" Type="{_many(table.full_name)}"/>'
    answer = f'<ReturnType Type="{_many("px.DeletedRecordResult")}"/>'
    return f'<Function Name="GetDeletedRecords" IsBound="true">{parameter}{answer}</Function>'


def _restrictions(table: Dac, rules: DeletionRules) -> str:
    """Fields that may be neither filtered by nor selected, as an annotation of the set; of some sets, all own ones."""
    names = [each.name for each in table.column_by_name.values() if rules.is_annotated(each)]
    paths = "".join(f"<PropertyPath>{name}</PropertyPath>" for name in names)
    value = f'<PropertyValue Property="NonFilterableProperties"><Collection>{paths}</Collection></PropertyValue>'
    content = value if names else ""
    content += '<PropertyValue Property="Filterable" Bool="false"/>' if table.name in rules.unfilterable else ""
    return f'<Annotation Term="Cap.FilterRestrictions"><Record>{content}</Record></Annotation>' if content else ""
