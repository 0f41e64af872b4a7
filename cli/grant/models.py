"""Models of Graph's answers to the grant's calls: only the fields that are read."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Id = Annotated[str, BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text)]
"""A GUID; Graph does not guarantee its case."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class AppRole(_Answer):
    """A permission that an API offers ("appRole resource type")."""

    id: Id
    value: str | None = None
    allowed_member_types: list[str] = Field(default_factory=list)
    is_enabled: bool = True


class Principal(_Answer):
    """An application's or managed identity's account ("servicePrincipal resource type")."""

    id: Id
    app_id: Id
    display_name: str | None = None
    service_principal_type: str | None = None
    app_roles: list[AppRole] = Field(default_factory=list)


class AppRoleAssignment(_Answer):
    """A granted permission ("appRoleAssignment resource type")."""

    id: str
    app_role_id: Id
    resource_id: Id


class Role(_Answer):
    """A directory role ("unifiedRoleDefinition resource type"); built-in: id and template are one."""

    id: Id
    display_name: str
    template_id: Id | None = None


class RoleAssignment(_Answer):
    """An assigned directory role ("unifiedRoleAssignment resource type")."""

    id: str
    role_definition_id: Id
    directory_scope_id: str | None = None


class ImplicitGrant(_Answer):
    """Which tokens the sign-in page itself hands out ("implicitGrantSettings resource type")."""

    enable_id_token_issuance: bool = False


class Web(_Answer):
    """The web settings of an application ("webApplication resource type")."""

    redirect_uris: list[str] = Field(default_factory=list)
    implicit_grant_settings: ImplicitGrant = Field(default_factory=ImplicitGrant)


class Application(_Answer):
    """An app registration ("application resource type"); its roles whole, as they are written back whole."""

    id: Id
    app_id: Id
    web: Web = Field(default_factory=Web)
    app_roles: list[dict[str, Any]] = Field(default_factory=list)


class FederatedCredential(_Answer):
    """An issuer and subject whose tokens an application accepts ("federatedIdentityCredential")."""

    name: str
    issuer: str
    subject: str
    audiences: list[str] = Field(default_factory=list)
