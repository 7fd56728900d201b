"""Which inquiries and tables a tenant does not have: customizations are published in some tenants only.

A name in `tenant.lacks` is one of

- `gi/BI-Customers`, `gi/BI-Customers.Status` or `gi/Orders by Customer?MinTotal`: a generic inquiry, or a column or a
  parameter of it;
- `dac/Customer`, `dac/Customer.UsrRegion` or `dac/SOOrder.CustomerByCustomerID`: a table, or a column or a link of it.

Those of the contract-based REST API have no `gi/` or `dac/` in front.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import lru_cache

from integration_tests.simulator.odata.dacs import DACS, Dac
from integration_tests.simulator.odata.edm import Column
from integration_tests.simulator.odata.inquiries import INQUIRY_BY_TITLE, GenericInquiry


def inquiries_of(lacks: Collection[str]) -> list[GenericInquiry]:
    shown = (each for each in INQUIRY_BY_TITLE.values() if f"gi/{each.title}" not in lacks)
    return [
        replace(
            each,
            type=replace(each.type, columns=_left(each.type.columns, f"gi/{each.title}", lacks)),
            parameters=tuple(one for one in each.parameters if f"gi/{each.title}?{one.name}" not in lacks),
        )
        for each in shown
    ]


def dacs_of(lacks: Collection[str]) -> Sequence[Dac]:
    return _dacs(frozenset(lacks))


def dac_by_alias(lacks: Collection[str]) -> Mapping[str, Dac]:
    return _by_alias(frozenset(lacks))


def dac_by_name(lacks: Collection[str]) -> Mapping[str, Dac]:
    return _by_name(frozenset(lacks))


# Tables do not change, and each request asks for them.
@lru_cache(maxsize=64)
def _dacs(lacks: Set[str]) -> Sequence[Dac]:
    shown = (each for each in DACS if f"dac/{each.name}" not in lacks)
    return [
        replace(
            each,
            columns=_left(each.columns, f"dac/{each.name}", lacks),
            navigations=tuple(
                one
                for one in each.navigations
                if lacks.isdisjoint((f"dac/{each.name}.{one.name}", f"dac/{one.target}"))
            ),
        )
        for each in shown
    ]


@lru_cache(maxsize=64)
def _by_alias(lacks: Set[str]) -> Mapping[str, Dac]:
    return {alias: each for each in _dacs(lacks) for alias in each.aliases}


@lru_cache(maxsize=64)
def _by_name(lacks: Set[str]) -> Mapping[str, Dac]:
    return {each.name: each for each in _dacs(lacks)}


def _left(columns: Iterable[Column], owner: str, lacks: Collection[str]) -> tuple[Column, ...]:
    return tuple(each for each in columns if f"{owner}.{each.name}" not in lacks)
