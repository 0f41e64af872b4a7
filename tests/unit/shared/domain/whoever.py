"""Any user in any state, and any rules: what properties are tried with."""

from hypothesis import strategies as st

from shared.domain.decision import Rules
from shared.domain.number_rules import NumberRules
from shared.domain.user import (
    AccountType,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)
from tests.fakes import guid

NUMBER = "+4969120012345"

ENTRIES = st.lists(
    st.builds(
        ProviderEntry,
        name=st.sampled_from(["Microsoft", "microsoft", "InterCall", "PGi", "BT", ""]),
        domain=st.text(max_size=5),
        toll_number=st.text(max_size=5),
        toll_free_number=st.text(max_size=5),
        passcode=st.text(max_size=5),
        url=st.text(max_size=5),
        default=st.booleans(),
    ),
    max_size=4,
).map(tuple)
SERVICES = st.none() | st.builds(
    ServiceUser,
    id=st.just(guid(1)),
    upn=st.just("user1@contoso.example"),
    account_type=st.sampled_from(AccountType),
    ready=st.booleans(),
    entries=ENTRIES,
    soft_deleted=st.booleans(),
    usage_location=st.sampled_from(["US", "DE", None]),
    type_name=st.sampled_from(["", "Robot"]),
    is_room=st.booleans(),
)
USERS = st.builds(
    DirectoryUser,
    id=st.just(guid(1)),
    upn=st.sampled_from(["user1@contoso.example", "USER1@Contoso.Example"]),
    plan_status=st.none() | st.sampled_from(PlanStatus),
    is_guest=st.booleans(),
    is_room=st.booleans(),
    usage_location=st.sampled_from(["US", "DE", None]),
    groups=st.sampled_from([frozenset(), frozenset({guid(91)})]),
    is_resource=st.booleans(),
)
RULES = st.builds(
    Rules,
    excluded=st.sampled_from(
        [frozenset(), frozenset({guid(1)}), frozenset({"user1@contoso.example"})]
    ),
    excluded_groups=st.sampled_from([frozenset(), frozenset({guid(91)})]),
    include_rooms=st.booleans(),
    numbers=st.sampled_from([{}, {"US": NUMBER}, {guid(91): NUMBER}]).map(NumberRules.parse),
)
