"""A simulated Acumatica ERP in one process on loopback."""

from .clock import DateForm
from .faults import Fault, FaultKind
from .lies import ErrorPlace, Lies, ListForm
from .sessions import SeatAnswer
from .simulator import Simulator

__all__ = ["DateForm", "ErrorPlace", "Fault", "FaultKind", "Lies", "ListForm", "SeatAnswer", "Simulator"]
