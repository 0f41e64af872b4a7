"""Find out what the identity lacks, and grant it: everything is read before anything is written."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from cli.errors import CommandError
from cli.grant.directory import Directory
from cli.grant.needs import Need
from cli.grant.plan import Item, Plan, Work, choose, permission_items, role_items
from cli.grant.sign_in_app import ConsoleSignIn, sign_in_items
from shared.errors import ServiceError
from shared.settings.settings import Cloud

_MANAGED = "ManagedIdentity"


@dataclass(frozen=True, slots=True)
class Step:
    """An item and its result, in the form of `acp doctor`: part, verdict, detail, to_do."""

    part: str
    verdict: str
    detail: str
    to_do: str = ""
    error: ServiceError | None = None

    def row(self) -> dict[str, object]:
        """The step as a row of a table."""
        return {
            "part": self.part,
            "verdict": self.verdict,
            "detail": self.detail,
            "to_do": self.to_do,
        }


async def examine(
    directory: Directory, identity: str, needs: Sequence[Need], role: str | None, *, revoke: bool
) -> Plan:
    """Read what the identity has and return the plan; writes nothing.

    identity: object id or client id. role: name or id of the Entra role; None: none is needed.
    CommandError (status 2): there is no such managed identity. NoSuchItemError: there is no such role or
    permission. ServiceError: Graph refuses or does not answer.
    """
    found = await directory.principal(_guid(identity))
    if found is None:
        raise CommandError(
            f"--identity {identity}: the tenant has no such identity. Is it the object id or client "
            "id of the app's managed identity, and is this its tenant? An identity that was just "
            "created may take a minute to become visible: then run this again",
            2,
        )
    if found.service_principal_type != _MANAGED:
        kind = found.service_principal_type or "unknown kind"
        raise CommandError(
            f"--identity {identity} is {found.display_name!r}, a service principal of type {kind} "
            "not a managed identity: nothing was granted",
            2,
        )
    graph = await directory.graph()
    if graph is None:
        raise CommandError("the tenant has no service principal of Microsoft Graph", 3)
    items = permission_items(needs, graph, await directory.app_roles(found.id), revoke=revoke)
    roles = await directory.roles()
    chosen = choose(roles, role) if role else None
    items += role_items(chosen, roles, await directory.role_assignments(found.id))
    return Plan(found, graph.id, tuple(items))


def foreseen(plan: Plan) -> list[Step]:
    """Return the steps of a plan that is not carried out."""
    would = {
        Work.GRANT: "grant it",
        Work.ASSIGN: "assign it",
        Work.REVOKE: "revoke it",
        Work.UPDATE: "add it",
        Work.TRUST: "create it",
    }
    return [
        Step(item.part, "would do", f"{would[item.work]}: {item.detail}")
        if item.work in would
        else _standing(item)
        for item in plan.items
    ]


async def with_sign_in(
    directory: Directory, plan: Plan, wanted: ConsoleSignIn, issuer: str, cloud: Cloud
) -> Plan:
    """Return the plan with what the console's app registration lacks; writes nothing.

    CommandError (status 2): there is no such app registration.
    """
    application = await directory.application(wanted.client_id)
    if application is None:
        raise CommandError(
            f"AUTH_CLIENT_ID {wanted.client_id}: the tenant has no such app registration "
            "(docs/deploy.md says how to create it)",
            2,
        )
    items = sign_in_items(
        application,
        await directory.federated(application.id),
        wanted,
        issuer=issuer,
        identity=plan.identity.id,
        cloud=cloud,
    )
    return replace(plan, items=(*plan.items, *items), application=application.id)


async def carry_out(directory: Directory, plan: Plan) -> AsyncIterator[Step]:
    """Carry out the plan, step by step; yield the result of each.

    After a failed step nothing more is written: the remaining steps are reported as `not done`.
    Running it again continues: existing permissions and roles are left unchanged.
    """
    failed = False
    for item in plan.items:
        if item not in plan.changes:
            yield _standing(item)
        elif failed:
            yield Step(item.part, "not done", item.detail, "run the command again")
        else:
            step = await _do(directory, plan, item)
            failed = step.error is not None
            yield step


async def _do(directory: Directory, plan: Plan, item: Item) -> Step:
    identity = plan.identity.id
    try:
        match item.work:
            case Work.GRANT:
                changed = await directory.grant(identity, plan.graph, item.id)
            case Work.ASSIGN:
                changed = await directory.assign(identity, item.id)
            case Work.UPDATE | Work.TRUST:
                return await _register(directory, plan, item)
            case _:
                changed = await directory.revoke(identity, item.id)
    except ServiceError as error:
        return Step(item.part, "failed", str(error), "run the command again", error)
    verb = "revoked" if item.work is Work.REVOKE else "granted"
    if not changed:
        return Step(item.part, "ok", f"already {verb} by someone else: {item.detail}")
    return Step(item.part, "done", f"{verb}: {item.detail}")


async def _register(directory: Directory, plan: Plan, item: Item) -> Step:
    write = directory.trust if item.work is Work.TRUST else directory.update_application
    await write(plan.application, item.body)
    return Step(item.part, "done", item.detail)


def _standing(item: Item) -> Step:
    if item.work is Work.NOTHING:
        return Step(item.part, "ok", f"there already: {item.detail}")
    removable = item.part.startswith("Graph")
    to_do = "`acp grant --revoke` revokes it" if removable else "remove it by hand"
    return Step(item.part, "warning", item.detail, to_do)


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise CommandError(
            f"--identity {text!r} is no id: the object id or client id of the managed identity is "
            "needed (azd: IDENTITY_PRINCIPAL_ID)",
            2,
        ) from None
