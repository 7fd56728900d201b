"""Says which features of the ERP are off in a tenant, where its list of endpoints says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Features = frozenset[str] | None
"""The features that are on, by their names in lower case; None where they are not known."""

_CLASS = "PX.Objects.CS.FeaturesSet+"
# The feature without which the forms of a namespace are closed (BEHAVIOR.md, "Versions"); by the beginnings of DACs.
_FEATURE_OF: Mapping[str, str] = {
    "PX.Objects.IN.": "Inventory",
    "PX.Objects.SO.": "DistributionModule",
    "PX.Objects.PO.": "DistributionModule",
    "PX.Objects.PM.": "ProjectAccounting",
    "PX.Objects.FS.": "ServiceManagementModule",
    "PX.Objects.PR.": "PayrollModule",
    "PX.Objects.FA.": "FixedAsset",
    "PX.Objects.AM.": "Manufacturing",
    "PX.Commerce.": "CommerceIntegration",
}


def read_features(listed: Any) -> Features:
    """The features that are on, from the list beside the endpoints: their names, or objects that say what is on.

    An answer without a list, or of another form, says nothing.
    """
    if not isinstance(listed, list) or not listed:
        return None
    names = [_name_if_on(each) for each in listed]
    return None if None in names else frozenset(filter(None, names))


def off_for(dac: str, features: Features) -> str:
    """The feature that the forms of a table need and that is off; empty if none is known to be."""
    if features is None:
        return ""
    needed = next((feature for beginning, feature in _FEATURE_OF.items() if dac.startswith(beginning)), "")
    return needed if needed.lower() not in features else ""


def _name_if_on(listed: Any) -> str | None:
    """A feature's name in lower case; empty for one that is off, None for what is no feature."""
    name, states = listed, [True]
    if isinstance(listed, dict):
        name = next((value for value in listed.values() if isinstance(value, str)), None)
        states = [value for value in listed.values() if isinstance(value, bool)]
    if not isinstance(name, str):
        return None
    return name.removeprefix(_CLASS).lower() if all(states) else ""
