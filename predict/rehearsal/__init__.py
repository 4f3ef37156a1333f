"""A tournament service on this machine: the same protocol, no account, and faults on demand.

The real client library talks to it, so that a whole round can be played before it counts.
"""

from predict.rehearsal.faults import FAULTS, Fault
from predict.rehearsal.server import RehearsalServer
from predict.rehearsal.service import Service, Slot

__all__ = ["FAULTS", "Fault", "RehearsalServer", "Service", "Slot"]
