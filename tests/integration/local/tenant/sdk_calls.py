"""What Microsoft's SDK for Python does with a tenant: run by its own interpreter, answers as JSON.

    python sdk_calls.py ORIGIN TOKEN WEBHOOK USER_ID SKU_ID

It imports nothing of the project, because the SDK lives in an environment of its own.
"""

# mypy: ignore-errors
import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from kiota_abstractions.api_error import APIError
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import (
    AssignLicensePostRequestBody,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.tasks.page_iterator import PageIterator

PLAN = "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40"
LICENSED = f"assignedPlans/any(p:p/servicePlanId eq {PLAN} and p/capabilityStatus eq 'Enabled')"
Parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters


class Bearer(AuthenticationProvider):
    """Sends one token."""

    def __init__(self, token):
        self.token = token

    async def authenticate_request(self, request, _context=None):
        request.headers.add("Authorization", f"Bearer {self.token}")


async def refused(call):
    """The status and the code with which a call is refused."""
    try:
        await call
    except APIError as error:
        inner = getattr(error, "error", None)
        return [error.response_status_code, inner.code if inner else ""]
    return "taken"


def wanted(eventual=True, **parameters):
    """The configuration of a listing."""
    found = RequestConfiguration(query_parameters=Parameters(**parameters))
    if eventual:
        found.headers.add("ConsistencyLevel", "eventual")
    return found


async def main(origin, token, webhook, user_id, sku_id):
    """Make the calls, and print how each was answered."""
    adapter = GraphRequestAdapter(Bearer(token))
    adapter.base_url = f"{origin}/v1.0"
    client = GraphServiceClient(request_adapter=adapter)
    said = {}

    page = await client.users.get(
        wanted(select=["id"], top=25, count=True, filter=LICENSED, orderby=None)
    )
    said["count"] = page.odata_count
    listed = []
    iterator = PageIterator(page, adapter)
    iterator.headers.add("ConsistencyLevel", "eventual")
    await iterator.iterate(lambda user: listed.append(user.id) is None)
    said["listed"] = len(set(listed))

    batch = BatchRequestContent()
    for number in range(20):
        information = RequestInformation()
        information.http_method, information.url = Method.GET, f"/users/{listed[number]}?$select=id"
        batch.add_request(str(number), BatchRequestItem(information, id=str(number)))
    answers = await client.batch.post(batch)
    said["batched"] = sum(answer.status == 200 for answer in answers.responses.values())

    new = Subscription(
        change_type="updated",
        resource="users",
        notification_url=webhook,
        client_state="secret",
        expiration_date_time=datetime.now(UTC) + timedelta(days=1),
    )
    made = await client.subscriptions.post(new)
    said["second subscription"] = await refused(client.subscriptions.post(new))
    later = Subscription(expiration_date_time=datetime.now(UTC) + timedelta(days=2))
    renewed = await client.subscriptions.by_subscription_id(made.id).patch(later)
    said["renewed"] = renewed.id == made.id

    license_ = AssignLicensePostRequestBody(
        add_licenses=[AssignedLicense(sku_id=sku_id, disabled_plans=[])], remove_licenses=[]
    )
    await client.users.by_user_id(user_id).assign_license.post(license_)
    user = await client.users.by_user_id(user_id).get(
        RequestConfiguration(query_parameters=Parameters(select=["id", "assignedPlans", "mail"]))
    )
    said["licensed"] = any(
        str(plan.service_plan_id) == PLAN and plan.capability_status == "Enabled"
        for plan in user.assigned_plans
    )
    said["found by mail"] = [
        each.id == user_id
        for each in (await client.users.get(wanted(filter=f"mail eq '{user.mail}'"))).value
    ]
    await client.subscriptions.by_subscription_id(made.id).delete()

    said["skip"] = await refused(client.users.with_url(f"{origin}/v1.0/users?$skip=5").get())
    plain = wanted(eventual=False, filter=LICENSED)
    said["without the header"] = await refused(client.users.get(plain))
    first = await client.users.get(wanted(select=["id"], top=5))
    following = client.users.with_url(first.odata_next_link)
    said["next page without the header"] = await refused(following.get())
    said["$ name"] = await refused(client.users.by_user_id("$pilot@contoso.example").get())
    whole = BatchRequestContent()
    information = client.users.to_get_request_information()
    information.path_parameters["baseurl"] = adapter.base_url
    item = BatchRequestItem(information, id="1")
    whole.add_request("1", item)
    said["whole address in a batch"] = (
        "relative" if not item.url.startswith("http") else await refused(client.batch.post(whole))
    )
    stranger = GraphRequestAdapter(Bearer("nonsense"))
    stranger.base_url = adapter.base_url
    said["unknown token"] = await refused(
        GraphServiceClient(request_adapter=stranger).users.get(wanted())
    )
    print(json.dumps(said))  # noqa: T201 - the answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
