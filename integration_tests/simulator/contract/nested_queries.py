"""The query options of contract 5: what is wanted of a part stands in parentheses behind its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from integration_tests.simulator.contract.queries import FILES, Plan, plan_of, read_plan
from integration_tests.simulator.store.shapes import CustomField, Entity
from integration_tests.simulator.trouble.lies import Lies
from integration_tests.simulator.trouble.unknowns import Naming, OldCustom, Star
from integration_tests.simulator.web.answers import RefusedError, failure

ODATA_ERROR = "Microsoft.OData.ODataException"


def refused(text: str, lies: Lies) -> RefusedError:
    return RefusedError(failure(text, ODATA_ERROR, lies.unparsed_status))


@dataclass(frozen=True)
class _Asked:
    """What is asked for at one level."""

    names: Collection[str] | None = None
    customs_here: Sequence[str] = ()
    inner: Mapping[str, _Asked] = field(default_factory=dict)
    hidden: Collection[str] = ()  # expanded, and not to come

    @property
    def parts(self) -> Set[str]:
        return self.inner.keys() - {FILES}

    @property
    def files(self) -> bool:
        return FILES in self.inner and self.shows(FILES)

    def below(self, name: str) -> _Asked:
        return self.inner[name]

    def shows(self, name: str) -> bool:
        return name not in self.hidden

    def customs(self, path: str = "") -> Iterator[str]:
        yield from (path + each for each in self.customs_here)
        for name, asked in self.inner.items():
            yield from asked.customs(f"{path}{name}/")


def read_nested_plan(query: Mapping[str, str], entity: Entity, lies: Lies, empty_collections: bool) -> Plan:
    asked = _read(query, lies)
    plan = plan_of(asked, entity, empty_collections)
    return replace(plan, customs=(*plan.customs, *_old_customs(query, entity, lies)))


def customs_of_nested(query: Mapping[str, str], lies: Lies) -> set[str]:
    """All custom fields that are asked for, those of parts with the way to them."""
    return set(_read(query, lies).customs())


def _old_customs(query: Mapping[str, str], entity: Entity, lies: Lies) -> Sequence[CustomField]:
    if not query.get("$custom", "").strip() or lies.old_custom is OldCustom.IGNORED:
        return ()
    if lies.old_custom is OldCustom.REFUSED:
        raise refused("The query parameter '$custom' is not supported.", lies)
    return read_plan({"$custom": query["$custom"]}, entity).customs


def _read(query: Mapping[str, str], lies: Lies) -> _Asked:
    select, expand = query.get("$select", ""), query.get("$expand", "")
    asked = _level(select, expand, lies, lies.star)
    named = asked.names
    if lies.naming is Naming.REFUSED and (both := sorted(asked.parts & set(named or ()))):
        raise refused(f"The property '{both[0]}' is both selected and expanded.", lies)
    if lies.naming is Naming.NEEDED and select.strip():
        written = set(_split(select, ",", lies))
        return replace(asked, hidden=asked.inner.keys() - written)
    return asked


def _level(select: str, expand: str, lies: Lies, star: Star) -> _Asked:
    written = _split(select, ",", lies)
    if any("/" in each for each in written):
        raise refused(f"The $select expression '{select}' has an invalid segment.", lies)
    customs = [each for each in written if "." in each]
    names = [each for each in written if "." not in each]
    return _Asked(_chosen(names, customs, lies, star), customs, dict(_expanded(expand, lies)))


def _chosen(names: Sequence[str], customs: Sequence[str], lies: Lies, star: Star) -> Collection[str] | None:
    if not names and not customs:
        return None
    if "*" not in names or len(names) + len(customs) == 1:
        return None if names == ["*"] else names
    if star is Star.REFUSED:
        raise refused("The wildcard '*' cannot be combined with other properties in $select.", lies)
    return [each for each in names if each != "*"] if star is Star.IGNORED else None


def _expanded(expand: str, lies: Lies) -> Iterator[tuple[str, _Asked]]:
    for item in _split(expand, ",", lies):
        name, _, rest = item.partition("(")
        name = name.strip()
        if "/" in name or not name:
            raise refused(f"The $expand expression '{item}' has an invalid segment '{name}'.", lies)
        if rest and not rest.endswith(")"):
            raise refused(f"Syntax error: character ')' expected at position {len(item)} in '{item}'.", lies)
        yield name, _nested(rest.removesuffix(")"), lies)


def _nested(options: str, lies: Lies) -> _Asked:
    given: dict[str, str] = {}
    for option in _split(options, ";", lies):
        name, sign, text = option.partition("=")
        if name.strip() not in ("$select", "$expand") or not sign or name.strip() in given:
            raise refused(f"The query option '{option}' is not supported in $expand.", lies)
        given[name.strip()] = text
    return _level(given.get("$select", ""), given.get("$expand", ""), lies, lies.nested_star)


def _split(text: str, mark: str, lies: Lies) -> list[str]:
    """By a mark outside of all parentheses."""
    found, depth = [""], 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            raise refused(f"Syntax error at position {position} in '{text}'.", lies)
        if letter == mark and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    if depth:
        raise refused(f"Syntax error: character ')' expected at position {len(text)} in '{text}'.", lies)
    return [each.strip() for each in found if each.strip()]
