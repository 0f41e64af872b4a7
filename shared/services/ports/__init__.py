"""Ports of the services: what they need from clients and storage, in the domain's types.

One port per service or table; `shared.clients` and `shared.storage` implement them, tests have fakes.
"""

from shared.services.ports.leftovers import Leftovers, PersonalData
from shared.services.ports.people import (
    GuardSlots,
    HeldUsers,
    History,
    ReplacedProviders,
    Roster,
    Users,
    WaitingUsers,
)
from shared.services.ports.queues import Poison, Queue
from shared.services.ports.runs import MoveRequests, NewestRuns, Runs, SweepPages
from shared.services.ports.state import CapabilityStore, State
from shared.services.ports.tenant import (
    Bridges,
    Conferencing,
    Directory,
    Groups,
    RuleSource,
    Subscriptions,
    Tenant,
    Wait,
)

__all__ = [
    "Bridges",
    "CapabilityStore",
    "Conferencing",
    "Directory",
    "Groups",
    "GuardSlots",
    "HeldUsers",
    "History",
    "Leftovers",
    "MoveRequests",
    "NewestRuns",
    "PersonalData",
    "Poison",
    "Queue",
    "ReplacedProviders",
    "Roster",
    "RuleSource",
    "Runs",
    "State",
    "Subscriptions",
    "SweepPages",
    "Tenant",
    "Users",
    "Wait",
    "WaitingUsers",
]
