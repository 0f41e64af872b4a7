"""What an administrator reads of each situation: the decision as a whole, numbers included."""

from dataclasses import replace

import pytest

from shared.domain.decision import Action, Decision, Rules, decide
from shared.domain.number_rules import NumberRules
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from tests.fakes import guid, in_service, licensed, microsoft, third_party

TOLL, FREE = "+4969120012345", "+8005550100"
NUMBERS = Rules(numbers=NumberRules(default=TOLL), toll_free=FREE)
OUT = Rules(excluded=frozenset({guid(1)}), excluded_groups=frozenset({guid(9)}))
GROUPED = replace(licensed(2), groups=frozenset({guid(9)}))
SILENT = replace(in_service(), provider_known=False)


@pytest.mark.parametrize(
    ("user", "service", "rules", "decision"),
    [
        (licensed(), None, NUMBERS, (Action.WAIT, "Teams does not know the user yet")),
        (
            licensed(),
            in_service(ready=False),
            NUMBERS,
            (Action.WAIT, "Teams has not provisioned audio conferencing yet"),
        ),
        (
            licensed(),
            SILENT,
            NUMBERS,
            (Action.ALREADY, "provisioned; this service does not report providers"),
        ),
        (
            licensed(status=None),
            None,
            NUMBERS,
            (Action.UNLICENSED, "no audio conferencing plan"),
        ),
        (
            licensed(status=PlanStatus.SUSPENDED),
            None,
            NUMBERS,
            (Action.UNLICENSED, "the plan is Suspended"),
        ),
        (
            licensed(),
            None,
            OUT,
            (Action.EXCLUDED, "excluded by the setting ACP_EXCLUDED_USERS"),
        ),
        (GROUPED, None, OUT, (Action.EXCLUDED, "in a group of the setting ACP_EXCLUDED_GROUPS")),
        (replace(licensed(), is_guest=True), None, NUMBERS, (Action.EXCLUDED, "a guest")),
        (
            licensed(),
            in_service(soft_deleted=True),
            NUMBERS,
            (Action.EXCLUDED, "the account is deleted"),
        ),
        (licensed(), in_service(), NUMBERS, (Action.ENABLE, "no provider yet", TOLL, FREE)),
        (
            licensed(),
            in_service(1, third_party("BT")),
            NUMBERS,
            (Action.REPLACE, "the provider is BT", TOLL, FREE),
        ),
        (
            licensed(),
            in_service(1, microsoft(TOLL)),
            NUMBERS,
            (Action.SET_NUMBER, "another default number is wanted", TOLL, FREE),
        ),
        (
            licensed(),
            in_service(1, microsoft(TOLL, toll_free=FREE)),
            NUMBERS,
            (Action.ALREADY, "Microsoft is the provider"),
        ),
    ],
)
def test_each_situation_has_its_decision(
    user: DirectoryUser,
    service: ServiceUser | None,
    rules: Rules,
    decision: tuple[Action, str],
) -> None:
    """Action, reason and the numbers to set: nothing else of a decision is left to chance."""
    assert decide(user, service, rules) == Decision(*decision)
