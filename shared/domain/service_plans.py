"""Service plans that matter: those with audio conferencing, and those of meeting rooms.

Source: "Product names and service plan identifiers for licensing", Microsoft Entra documentation
(learn.microsoft.com/entra/identity/users/licensing-service-plan-reference).
"""

from typing import Final

CONFERENCING_PLANS: Final = {
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40": "MCOMEETADV",
    "bb038288-76ab-49d6-afc1-eaa6c222c65a": "MCOMEETACPEA",
    "9974d6cf-cd24-4ba2-921c-e2aa687da846": "MCOMEETBASIC",
    "f544b08d-1645-4287-82de-8d91f37c02a1": "MCOMEETADV_GOV",
    "986d454b-9027-4d9f-880b-f1b68f920cc4": "MCOMEETBASIC_GOV",
    "f1e3613f-3818-4254-9b5e-f02d803384e0": "MCOMEETADV_AR_GCCHigh",
    "c85e4b03-254a-453b-af72-167a53f38530": "MCOACBYOT_GCCHigh",
}
"""Service plan id -> name of every plan with audio conferencing, in any Microsoft cloud."""

ROOM_PLANS: Final = {
    "8081ca9c-188c-4b49-a8e5-c23b5e9463a8": "Teams_Room_Basic",
    "ec17f317-f4bc-451e-b2da-0167e5c260f9": "Teams_Room_Pro",
    "c8529366-cffd-4415-ab8f-be0144a33ab1": "Teams_Rooms_Basic",
    "0374d34c-6be4-4dbb-b3f0-26105db0b28a": "Teams_Rooms_Pro",
    "ecc74eae-eeb7-4ad5-9c88-e8b2bfca75b8": "MTRProManagement",
    "92c6b761-01de-457a-9dd9-793a975238f7": "Teams_Room_Standard",
    "79d69417-9e27-4a13-b7a5-80c513145533": "Teams_Room_Premium",
    "bdaa59a3-74fd-4137-981a-31d4f84eb8a0": "MMR_P1",
    "cfce7ae3-4b41-4438-999c-c0e91f3b7fb9": "SPECIALTY_DEVICES",
}
"""Service plan id -> name of the plans in room and shared device products, which no person has.

Teams Rooms licenses include MCOMEETADV as well, so a room looks like a newly licensed user.
"""

RESOURCE_PLANS: Final = {
    "f47330e9-c134-43b3-9993-e7f004506889": "MCOEV_VIRTUALUSER",
    "0628a73f-3b4a-4989-bd7b-0f8823144313": "MCOEV_VIRTUALUSER_GOV",
}
"""Service plan id -> name of the plans of resource accounts: call queues and auto attendants.

Teams has its own account type for them; the plan is known before Teams knows the account.
"""

NO_PERSON_PLANS: Final = ROOM_PLANS | RESOURCE_PLANS
"""The plans that only accounts have which are no persons."""
