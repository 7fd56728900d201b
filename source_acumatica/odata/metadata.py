"""Reads an OData description (``$metadata``), of either version, while it arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from source_acumatica.odata.packed_types import Called, PackedType, link_to, parted_link, same_in_both
from source_acumatica.reading.fields import FieldKind

# A clean site's description of its tables has 20 MB (BEHAVIOR.md, "OData"); ten times as much is not one.
_LARGEST_MEGABYTES = 256

_KINDS: Mapping[str, FieldKind] = {
    "Edm.String": FieldKind.STRING,
    "Edm.Guid": FieldKind.GUID,
    "Edm.Boolean": FieldKind.BOOLEAN,
    "Edm.Byte": FieldKind.BYTE,
    "Edm.SByte": FieldKind.BYTE,
    "Edm.Int16": FieldKind.SHORT,
    "Edm.Int32": FieldKind.INTEGER,
    "Edm.Int64": FieldKind.LONG,
    "Edm.Decimal": FieldKind.DECIMAL,
    "Edm.Double": FieldKind.DOUBLE,
    "Edm.Single": FieldKind.DOUBLE,
    "Edm.DateTime": FieldKind.DATE_TIME,
    "Edm.DateTimeOffset": FieldKind.DATE_TIME,
    "Edm.Binary": FieldKind.STRING,  # comes as base64
}


class MetadataError(ValueError):
    """The description cannot be used; the text is a sentence without its full stop."""


class BrokenMetadataError(MetadataError):
    """The description ends too early or is garbled, and may be complete the next time."""


@dataclass(frozen=True)
class Link:
    """What leads from a row to one row of another type, or to several; the description calls it navigation property."""

    name: str
    type_name: str
    is_many: bool
    keys: tuple[str, ...]
    """Those of the other type."""
    fields: Mapping[str, FieldKind]
    """The other type's columns that ``$filter`` may name."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Columns of both types that are said to be the same; the description may name none or only some of them."""


@dataclass(frozen=True)
class EntitySet:
    """Rows that can be asked for: an entity type, under the names of all its sets."""

    names: tuple[str, ...]
    type_name: str
    keys: tuple[str, ...]
    """Those of the type or, since a derived type has none, of its nearest base."""
    fields: Mapping[str, FieldKind]
    """Those of the bases first; without those that the sets list as restricted."""
    unknown: Mapping[str, str]
    """The types of fields of no known kind."""
    is_short_name_unique: bool
    """Whether no other type that has a set has the same name in another namespace."""
    restricted: frozenset[str] = frozenset()
    """Fields that neither ``$filter`` nor ``$select`` may name: those left out above, and all own ones of some."""
    links: tuple[Link, ...] = ()
    """Those of the type and its bases that ``$filter`` may name, if links were asked for."""


@dataclass(frozen=True)
class Function:
    """A function that can be called by its name alone, and the types of its parameters."""

    name: str
    """The name by which it is called: that of its import."""
    parameters: Mapping[str, str]
    entity_set: str = ""
    """The set whose rows it gives, if its import names it."""
    type_name: str = ""
    """The full name of the type of its rows."""


@dataclass(frozen=True)
class Metadata:
    """The wanted part of a description."""

    version: int
    """Of OData: 3 or 4."""
    entity_sets: tuple[EntitySet, ...]
    functions: Mapping[str, Function]
    links_of: Callable[[str], tuple[Link, ...]] = lambda _type_name: ()
    """The links of any type by its full name, if links were asked for; keeps the whole description in memory."""


def read_metadata(
    chunks: Iterable[bytes],
    is_wanted: Callable[[str, str], bool],
    *,
    with_links: bool = False,
    keeps_links: bool = False,
) -> Metadata:
    """Read a document piece by piece; ``is_wanted`` is asked for the name and the type of each set.

    ``with_links``: with the links of the wanted sets; a site has tens of thousands of them. ``keeps_links``: with what
    gives those of single types.

    Raises:
        MetadataError: it is broken, hostile, endless, or no description.
    """
    document = _document(chunks, with_links or keeps_links)
    return document.metadata(is_wanted, with_links=with_links, keeps_links=keeps_links)


def _document(chunks: Iterable[bytes], knows_links: bool) -> _Document:
    document = _Document(knows_links=knows_links)
    # A hostile document needs only to declare an entity; a description declares none.
    parser = DefusedXMLParser(target=document, forbid_dtd=True)
    # Straight from expat: the library's parser would make new names and attributes for each of 400,000 elements.
    parser.parser.ordered_attributes = False
    parser.parser.StartElementHandler = document.start
    parser.parser.EndElementHandler = document.end
    parser.parser.CharacterDataHandler = document.data
    try:
        for chunk in _limited(chunks):
            parser.feed(chunk)
        parser.close()
    except ParseError as error:
        message = f"the description is not valid XML (line {error.position[0]})"
        raise BrokenMetadataError(message) from None
    except DefusedXmlException:
        message = "the description declares a document type, which a description never does"
        raise MetadataError(message) from None
    except LookupError:
        message = "the description is in an unknown encoding"
        raise MetadataError(message) from None
    if not document.version:
        message = "the description is not one of OData"
        raise MetadataError(message)
    return document


def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > _LARGEST_MEGABYTES * 1_000_000:
            message = f"the description is longer than {_LARGEST_MEGABYTES} MB"
            raise MetadataError(message)
        yield chunk


Attributes = Mapping[str, str]


class _Document:
    """The part of a document that has been read; its methods are the parser's target."""

    def __init__(self, *, knows_links: bool = False) -> None:
        self.version = 0
        self._namespaces: dict[str, str] = {}
        self._types: dict[str, PackedType] = {}
        self._sets: dict[str, str] = {}
        self._restricted: dict[str, list[str]] = {}
        self._unfilterable: set[str] = set()
        """The sets whose types' own fields are all restricted."""
        self._functions: dict[str, Called] = {}
        self._imports: dict[str, tuple[str, str]] = {}
        self._namespace = ""
        self._type: PackedType | None = None
        self._is_in_link = False
        self._called: Called | None = None
        self._set = ""
        self._is_restricting = False
        self._is_about_filters = False
        self._awaits_filterable = False
        self._text: list[str] | None = None
        self._on_start: dict[str, Callable[[Attributes], None]] = {
            "Edmx": self._edmx,
            "Schema": self._schema,
            "EntityType": self._entity_type,
            "PropertyRef": self._property_ref,
            "Property": self._property,
            "Function": self._function,
            "FunctionImport": self._function_import,
            "Parameter": self._parameter,
            "ReturnType": self._return_type,
            "EntitySet": self._entity_set,
            "Annotations": self._annotations,
            "Annotation": self._annotation,
            "PropertyValue": self._property_value,
            "PropertyPath": self._property_path,
            "Bool": self._bool,
        }
        if knows_links:
            self._on_start |= {
                "NavigationProperty": self._navigation_property,
                "ReferentialConstraint": self._referential_constraint,
            }

    # ---------------------------------------------------------------------------------------------------- the parser's

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""
        begin = self._on_start.get(tag.rpartition("}")[2])
        if begin:
            begin(attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        match tag.rpartition("}")[2]:
            case "EntityType" if self._type:
                self._type.pack()
                self._type = None
            case "NavigationProperty":
                self._is_in_link = False
            case "Function" | "FunctionImport":
                self._called = None
            case "EntitySet" | "Annotations":
                self._set = ""
            case "PropertyValue":
                self._is_restricting = self._awaits_filterable = False
            case "Bool" if self._text is not None:
                self._filterable("".join(self._text))
                self._text = None
            case "PropertyPath" if self._text is not None:
                self._restricted.setdefault(self._set, []).append("".join(self._text).strip())
                self._text = None

    def data(self, text: str) -> None:
        """Text of the element."""
        if self._text is not None:
            self._text.append(text)

    # -------------------------------------------------------------------------------------------------- the elements'

    def _edmx(self, attributes: Attributes) -> None:
        self.version = 4 if attributes.get("Version", "").startswith("4") else 3

    def _schema(self, attributes: Attributes) -> None:
        self._namespace = attributes.get("Namespace", "")
        self._namespaces[attributes.get("Alias", self._namespace)] = self._namespace

    def _entity_type(self, attributes: Attributes) -> None:
        self._type = PackedType(attributes.get("BaseType", ""))
        self._types[f"{self._namespace}.{attributes.get('Name', '')}"] = self._type

    def _property_ref(self, attributes: Attributes) -> None:
        if self._type and "Name" in attributes:
            self._type.keys.append(attributes["Name"])

    def _property(self, attributes: Attributes) -> None:
        name = attributes.get("Name", "")
        # A name with spaces cannot be part of a request.
        if self._type and name.split() == [name]:
            self._type.properties.append(f"{name}\t{' '.join(attributes.get('Type', '').split())}")

    def _navigation_property(self, attributes: Attributes) -> None:
        name, target = attributes.get("Name", ""), attributes.get("Type", "")
        self._is_in_link = bool(self._type and name and target)  # version 3 has the type elsewhere
        if self._type and self._is_in_link:
            self._type.properties.append(link_to(name, target))

    def _referential_constraint(self, attributes: Attributes) -> None:
        own, other = attributes.get("Property", ""), attributes.get("ReferencedProperty", "")
        if self._type and self._is_in_link and own.split() == [own] and other.split() == [other]:
            self._type.properties[-1] += same_in_both(own, other)

    def _function(self, attributes: Attributes) -> None:
        """A function; one that is bound to rows cannot be called by itself."""
        if attributes.get("IsBound") != "true":
            name = f"{self._namespace}.{attributes.get('Name', '')}"
            self._called = self._functions.setdefault(name, Called())

    def _function_import(self, attributes: Attributes) -> None:
        """A function's import; version 4 refers to the function, version 3 has the parameters in here."""
        name = attributes.get("Name", "")
        called = attributes.get("Function", f"{self._namespace}.{name}")
        # The set may be named with its container.
        self._imports[name] = called, attributes.get("EntitySet", "").rpartition("/")[2]
        if "Function" not in attributes and attributes.get("IsBindable") != "true":
            self._called = self._functions.setdefault(called, Called())
            self._return_type({"Type": attributes.get("ReturnType", "")})

    def _return_type(self, attributes: Attributes) -> None:
        if self._called is not None and "Type" in attributes:
            self._called.type_name = attributes["Type"].removeprefix("Collection(").removesuffix(")")

    def _parameter(self, attributes: Attributes) -> None:
        if self._called is not None and "Name" in attributes:
            self._called.parameters[attributes["Name"]] = attributes.get("Type", "")

    def _entity_set(self, attributes: Attributes) -> None:
        self._set = attributes.get("Name", "")
        self._sets[self._set] = attributes.get("EntityType", "")

    def _annotations(self, attributes: Attributes) -> None:
        """Annotations outside of a set, which name it as ``Container/Set``."""
        self._set = attributes.get("Target", "").rpartition("/")[2]

    def _annotation(self, attributes: Attributes) -> None:
        self._is_about_filters = attributes.get("Term", "").rpartition(".")[2] == "FilterRestrictions"

    def _property_value(self, attributes: Attributes) -> None:
        name = attributes.get("Property") if self._set else None
        self._is_restricting = name == "NonFilterableProperties"
        # Links may be restricted by the same properties, below another term.
        self._awaits_filterable = name == "Filterable" and self._is_about_filters
        self._filterable(attributes.get("Bool", ""))

    def _property_path(self, _attributes: Attributes) -> None:
        self._text = [] if self._is_restricting else None

    def _bool(self, _attributes: Attributes) -> None:
        self._text = [] if self._awaits_filterable else None

    def _filterable(self, text: str) -> None:
        if self._awaits_filterable and text.strip().lower() == "false":
            self._unfilterable.add(self._set)

    # ------------------------------------------------------------------------------------------------------ the result

    def metadata(
        self, is_wanted: Callable[[str, str], bool], *, with_links: bool = False, keeps_links: bool = False
    ) -> Metadata:
        """The wanted part of the description; a set whose type is not described cannot be read."""
        names: dict[str, list[str]] = {}
        for name, type_name in self._sets.items():
            resolved = self._resolved(type_name)
            if name and resolved in self._types:
                names.setdefault(resolved, []).append(name)
        shorts = Counter(type_name.rpartition(".")[2] for type_name in names)
        entity_sets = tuple(
            replace(
                self._described_set(type_name, tuple(sets), shorts[type_name.rpartition(".")[2]] == 1),
                links=tuple(self._links(type_name, names)) if with_links else (),
            )
            for type_name, sets in names.items()
            if any(is_wanted(name, type_name) for name in sets)
        )
        functions = {
            name: Function(name, function.parameters, entity_set, self._resolved(function.type_name))
            for name, (called, entity_set) in self._imports.items()
            if (function := self._functions.get(self._resolved(called)))
        }
        if not keeps_links:
            return Metadata(self.version, entity_sets, functions)
        return Metadata(self.version, entity_sets, functions, lambda name: tuple(self._links(name, names)))

    def _resolved(self, name: str) -> str:
        """A full name, in which a namespace may stand as its alias."""
        namespace, _, short = name.rpartition(".")
        if namespace in self._namespaces:
            return f"{self._namespaces[namespace]}.{short}"
        # The name itself may contain dots, as the titles of inquiries do.
        begins = [alias for alias in self._namespaces if alias and name.startswith(f"{alias}.")]
        alias = max(begins, key=len, default="")
        return f"{self._namespaces[alias]}{name[len(alias) :]}" if alias else f"{namespace}.{short}"

    def _described_set(self, type_name: str, names: tuple[str, ...], is_short_name_unique: bool) -> EntitySet:
        lineage = list(self._lineage(type_name))
        listed = {field for name in names for field in self._restricted.get(name, ())}
        declared = {name: edm for each in reversed(lineage) for name, edm in each.types()}
        types = {name: edm for name, edm in declared.items() if name not in listed}
        keys = next((each.keys for each in lineage if each.keys), [])
        fields = {name: _KINDS.get(edm, FieldKind.UNKNOWN) for name, edm in types.items()}
        unknown = {name: types[name] for name, kind in fields.items() if kind is FieldKind.UNKNOWN}
        inherited = {name for each in lineage[1:] for name, _edm in each.types()}
        own = declared.keys() - inherited if not self._unfilterable.isdisjoint(names) else set()
        restricted = frozenset(declared.keys() & (listed | own))
        return EntitySet(names, type_name, tuple(keys), fields, unknown, is_short_name_unique, restricted)

    def _links(self, type_name: str, names: Mapping[str, Sequence[str]]) -> Iterator[Link]:
        """What leads from a type's rows to others; ``names`` are the sets of all types."""
        closed = {field for name in names.get(type_name, ()) for field in self._restricted.get(name, ())}
        targets = {name: target for each in self._lineage(type_name) for name, target in each.types(of_links=True)}
        for name, packed in targets.items():
            target, pairs = parted_link(packed)
            resolved = self._resolved(target.removeprefix("Collection(").removesuffix(")"))
            if name not in closed and resolved in self._types:
                other = self._described_set(resolved, tuple(names.get(resolved, ())), is_short_name_unique=False)
                fields = {field: kind for field, kind in other.fields.items() if field not in other.restricted}
                yield Link(name, resolved, target.startswith("Collection("), other.keys, fields, pairs)

    def _lineage(self, type_name: str) -> Iterator[PackedType]:
        """The type, its base, the base of that, and so on; each once, as far as they are described."""
        seen: set[str] = set()
        while type_name in self._types and type_name not in seen:
            seen.add(type_name)
            yield self._types[type_name]
            type_name = self._resolved(self._types[type_name].base)
