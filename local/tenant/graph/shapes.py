"""Users as Graph shows them: which properties there are, which come by default, their values.

Source: https://learn.microsoft.com/graph/api/resources/user
"""

from collections.abc import Callable, Sequence

from local.tenant.clock import stamp
from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import read_names

DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)

_MODELLED: dict[str, Callable[[User], object]] = {
    "accountEnabled": lambda u: u.account_enabled,
    "assignedLicenses": lambda u: [
        {"disabledPlans": sorted(grant.disabled), "skuId": sku_id}
        for sku_id, grant in u.grants.items()
    ],
    "assignedPlans": lambda u: u.plans,
    "createdDateTime": lambda u: u.created,
    "deletedDateTime": lambda u: None if u.deleted_at is None else stamp(u.deleted_at),
    "department": lambda u: u.department,
    "displayName": lambda u: u.display_name,
    "givenName": lambda u: u.given_name,
    "id": lambda u: u.id,
    "isResourceAccount": lambda u: u.account_type == "ResourceAccount",
    "imAddresses": lambda u: [u.sip] if u.sip else [],
    "mail": lambda u: u.mail,
    "mailNickname": lambda u: u.upn.partition("@")[0],
    "proxyAddresses": lambda u: u.proxy_addresses,
    "surname": lambda u: u.surname,
    "usageLocation": lambda u: u.usage_location,
    "userPrincipalName": lambda u: u.upn,
    "userType": lambda u: u.user_type,
}

# Properties of the resource type that the tenant keeps nothing in.
_NULL = (
    "aboutMe", "ageGroup", "city", "companyName", "consentProvidedForMinor", "country",
    "creationType", "employeeHireDate", "employeeId", "employeeLeaveDateTime",
    "employeeOrgData", "employeeType", "externalUserState", "externalUserStateChangeDateTime",
    "faxNumber", "isManagementRestricted", "jobTitle", "lastPasswordChangeDateTime",
    "legalAgeGroupClassification", "licenseAssignmentStates", "mobilePhone", "officeLocation",
    "onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesExtensionAttributes",
    "onPremisesImmutableId", "onPremisesLastSyncDateTime", "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "onPremisesUserPrincipalName",
    "passwordPolicies", "passwordProfile", "postalCode", "preferredDataLocation",
    "preferredLanguage", "securityIdentifier", "showInAddressList",
    "signInSessionsValidFromDateTime", "state", "streetAddress",
)  # fmt: skip
_EMPTY = (
    "businessPhones", "identities", "onPremisesProvisioningErrors", "otherMails",
    "provisionedPlans", "serviceProvisioningErrors",
)  # fmt: skip

GETTERS: dict[str, Callable[[User], object]] = {
    **dict.fromkeys(_NULL, lambda _: None),
    **dict.fromkeys(_EMPTY, lambda _: ()),
    **_MODELLED,
}
_BY_LOWER = {name.lower(): name for name in GETTERS}


def property_name(text: str) -> str | None:
    """The property's name as Graph spells it, None when users have no such property."""
    return _BY_LOWER.get(text.strip().lower())


def read_select(text: str | None) -> tuple[str, ...]:
    """The properties that `$select` asks for, in that order, or those that come by default.

    Raises GraphError BadRequest for a property that users do not have.
    """
    return read_names(text, _BY_LOWER, not_selectable) if text and text.strip() else DEFAULT


def not_selectable(name: str, kind: str = "user") -> GraphError:
    """The error that a kind of resource has no such property to select."""
    wrong = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
    return GraphError(400, "BadRequest", f"Parsing OData Select and Expand failed: {wrong}")


def show(user: User, names: Sequence[str]) -> dict[str, object]:
    """One user with the given properties."""
    return {name: GETTERS[name](user) for name in names}


def context(base: str, names: Sequence[str], *, selected: bool, entity: bool = False) -> str:
    """The `@odata.context` of a list of users, or of one."""
    columns = f"({','.join(names)})" if selected else ""
    return f"{base}/v1.0/$metadata#users{columns}{'/$entity' if entity else ''}"
