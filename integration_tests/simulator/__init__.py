"""A simulated Acumatica ERP in one process on loopback."""

from integration_tests.simulator.access.licence import Minute
from integration_tests.simulator.access.sessions import SeatAnswer
from integration_tests.simulator.simulator import Simulator
from integration_tests.simulator.store.clock import DateForm
from integration_tests.simulator.trouble.faults import Fault, FaultKind
from integration_tests.simulator.trouble.lies import ErrorPlace, Lies, ListForm
from integration_tests.simulator.trouble.unknowns import (
    Empty,
    FeatureForm,
    FileForm,
    KeyForm,
    Labels,
    Literals,
    Naming,
    OldCustom,
    Sent,
    Star,
    StatForm,
)

__all__ = [
    "DateForm",
    "Empty",
    "ErrorPlace",
    "Fault",
    "FaultKind",
    "FeatureForm",
    "FileForm",
    "KeyForm",
    "Labels",
    "Lies",
    "ListForm",
    "Literals",
    "Minute",
    "Naming",
    "OldCustom",
    "SeatAnswer",
    "Sent",
    "Simulator",
    "Star",
    "StatForm",
]
