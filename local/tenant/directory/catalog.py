"""The products and service plans the tenant knows.

Source: Microsoft, "Product names and service plan identifiers for licensing",
https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service inside a product; `service` is the name Graph shows in assignedPlans."""

    id: str
    name: str
    service: str


@dataclass(frozen=True, slots=True)
class Sku:
    """A product that can be assigned to a user, with the service plans it carries."""

    id: str
    part_number: str
    plans: tuple[ServicePlan, ...]


_MCO = "MicrosoftCommunicationsOnline"

MCOMEETADV = ServicePlan("3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40", "MCOMEETADV", _MCO)
MCOMEETADV_GOV = ServicePlan("f544b08d-1645-4287-82de-8d91f37c02a1", "MCOMEETADV_GOV", _MCO)
MCOMEETACPEA = ServicePlan("bb038288-76ab-49d6-afc1-eaa6c222c65a", "MCOMEETACPEA", _MCO)
MCOMEETBASIC = ServicePlan("9974d6cf-cd24-4ba2-921c-e2aa687da846", "MCOMEETBASIC", _MCO)
TEAMS1 = ServicePlan("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1", "TeamspaceAPI")
EXCHANGE = ServicePlan("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE", "exchange")
SHAREPOINT = ServicePlan(
    "5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE", "SharePoint"
)
OFFICE = ServicePlan(
    "43de0ff5-c92c-492b-9116-175376d08c38", "OFFICESUBSCRIPTION", "MicrosoftOffice"
)
MCOSTANDARD = ServicePlan("0feaeb32-d00e-4d66-bd5a-43b5b83db82c", "MCOSTANDARD", _MCO)
MCOEV = ServicePlan("4828c8ec-dc2e-4779-b502-87ac9ce28ab7", "MCOEV", _MCO)
MCOEV_VIRTUALUSER = ServicePlan("f47330e9-c134-43b3-9993-e7f004506889", "MCOEV_VIRTUALUSER", _MCO)
INTUNE = ServicePlan("c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "INTUNE_A", "SCO")
ROOM_STANDARD = ServicePlan(
    "92c6b761-01de-457a-9dd9-793a975238f7", "Teams_Room_Standard", "TeamspaceAPI"
)
ROOM_BASIC = ServicePlan("8081ca9c-188c-4b49-a8e5-c23b5e9463a8", "Teams_Room_Basic", "TeamspaceAPI")
ROOM_PRO = ServicePlan("ec17f317-f4bc-451e-b2da-0167e5c260f9", "Teams_Room_Pro", "TeamspaceAPI")
ROOMS_BASIC_PLAN = ServicePlan(
    "c8529366-cffd-4415-ab8f-be0144a33ab1", "Teams_Rooms_Basic", "TeamspaceAPI"
)
ROOMS_PRO_PLAN = ServicePlan(
    "0374d34c-6be4-4dbb-b3f0-26105db0b28a", "Teams_Rooms_Pro", "TeamspaceAPI"
)
ROOMS_MANAGEMENT = ServicePlan(
    "ecc74eae-eeb7-4ad5-9c88-e8b2bfca75b8", "MTRProManagement", "MTRProManagement"
)
ROOM_PREMIUM = ServicePlan(
    "79d69417-9e27-4a13-b7a5-80c513145533", "Teams_Room_Premium", "TeamspaceAPI"
)
ROOM_SERVICES = ServicePlan("bdaa59a3-74fd-4137-981a-31d4f84eb8a0", "MMR_P1", "MMR")
SHARED_DEVICES = ServicePlan(
    "cfce7ae3-4b41-4438-999c-c0e91f3b7fb9", "SPECIALTY_DEVICES", "SPECIALTY_DEVICES"
)

# Every service plan that carries audio conferencing, also those no product below contains.
CONFERENCING_PLANS = frozenset(
    {
        MCOMEETADV.id,
        MCOMEETADV_GOV.id,
        MCOMEETACPEA.id,
        MCOMEETBASIC.id,
        "c85e4b03-254a-453b-af72-167a53f38530",  # MCOACBYOT_GCCHigh
        "f1e3613f-3818-4254-9b5e-f02d803384e0",  # MCOMEETADV_AR_GCCHigh
        "986d454b-9027-4d9f-880b-f1b68f920cc4",  # MCOMEETBASIC_GOV
    }
)

_OFFICE_PLANS = (EXCHANGE, SHAREPOINT, OFFICE, TEAMS1, MCOSTANDARD)

MICROSOFT_365_E5 = Sku(
    "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
    "SPE_E5",
    (*_OFFICE_PLANS, INTUNE, MCOEV, MCOMEETADV),
)
OFFICE_365_E5 = Sku(
    "c7df2760-2c81-4ef7-b578-5b5392b571df", "ENTERPRISEPREMIUM", (*_OFFICE_PLANS, MCOEV, MCOMEETADV)
)
OFFICE_365_E3 = Sku("6fd2c87f-b296-42f0-b197-1e91e994b900", "ENTERPRISEPACK", _OFFICE_PLANS)
AUDIO_CONFERENCING = Sku("0c266dff-15dd-4b49-8397-2bb16070ed52", "MCOMEETADV", (MCOMEETADV,))
AUDIO_CONFERENCING_GCC = Sku(
    "2d3091c7-0712-488b-b3d8-6b97bde6a1f5", "MCOMEETADV_GOV", (MCOMEETADV_GOV,)
)
AUDIO_CONFERENCING_PER_MINUTE = Sku(
    "df9561a4-4969-4e6a-8e73-c601b68ec077", "MCOMEETACPEA", (MCOMEETACPEA,)
)
AUDIO_CONFERENCING_SELECT_DIAL_OUT = Sku(
    "1c27243e-fb4d-42b1-ae8c-fe25c9616588",
    "Microsoft_Teams_Audio_Conferencing_select_dial_out",
    (MCOMEETBASIC,),
)
ROOMS_STANDARD = Sku(
    "6070a4c8-34c6-4937-8dfb-39bbc6397a60",
    "MEETING_ROOM",
    (TEAMS1, MCOSTANDARD, INTUNE, MCOEV, MCOMEETADV, ROOM_STANDARD),
)
ROOMS_BASIC = Sku(
    "6af4b3d6-14bb-4a2a-960c-6c902aad34f3",
    "Microsoft_Teams_Rooms_Basic",
    (
        *(TEAMS1, MCOSTANDARD, INTUNE, MCOEV, MCOMEETADV),
        *(ROOM_BASIC, ROOMS_BASIC_PLAN, SHARED_DEVICES),
    ),
)
ROOMS_PRO = Sku(
    "4cde982a-ede4-4409-9ae6-b003453c8ea6",
    "Microsoft_Teams_Rooms_Pro",
    (
        *(TEAMS1, MCOSTANDARD, INTUNE, MCOEV, MCOMEETADV),
        *(ROOM_BASIC, ROOM_PRO, ROOMS_PRO_PLAN, ROOMS_MANAGEMENT, SHARED_DEVICES),
    ),
)
ROOMS_PREMIUM = Sku(
    "4fb214cb-a430-4a91-9c91-4976763aa78f",
    "MTR_PREM",
    (TEAMS1, MCOSTANDARD, INTUNE, MCOEV, MCOMEETADV, ROOM_PREMIUM, ROOM_SERVICES),
)
RESOURCE_ACCOUNT = Sku(
    "440eaaa8-b3e0-484b-a8be-62870b9ba70a", "PHONESYSTEM_VIRTUALUSER", (MCOEV_VIRTUALUSER,)
)

SKUS = {
    sku.id: sku
    for sku in (
        MICROSOFT_365_E5,
        OFFICE_365_E5,
        OFFICE_365_E3,
        AUDIO_CONFERENCING,
        AUDIO_CONFERENCING_GCC,
        AUDIO_CONFERENCING_PER_MINUTE,
        AUDIO_CONFERENCING_SELECT_DIAL_OUT,
        ROOMS_STANDARD,
        ROOMS_BASIC,
        ROOMS_PRO,
        ROOMS_PREMIUM,
        RESOURCE_ACCOUNT,
    )
}
