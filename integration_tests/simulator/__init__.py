"""A simulated Acumatica ERP in one process on loopback."""

from .faults import Fault, FaultKind
from .sessions import SeatAnswer
from .simulator import Simulator

__all__ = ["Fault", "FaultKind", "SeatAnswer", "Simulator"]
