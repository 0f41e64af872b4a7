"""The handshake that proves that a webhook agrees to be called.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import asyncio
from urllib.parse import quote, urlsplit

import httpx


async def handshake(
    client: httpx.AsyncClient, url: str, token: str, limit_seconds: float
) -> str | None:
    """Have the webhook echo the token, decoded, as plain text. None, or what went wrong."""
    mark = "&" if urlsplit(url).query else "?"
    try:
        async with asyncio.timeout(limit_seconds):
            answer = await client.post(
                f"{url}{mark}validationToken={quote(token, safe='')}",
                headers={"Content-Type": "text/plain; charset=utf-8"},
            )
    except TimeoutError:
        return f"The request timed out after {limit_seconds:g} seconds."
    except httpx.HTTPError as error:
        return f"The address could not be reached: {type(error).__name__}."
    if answer.status_code != httpx.codes.OK:
        return f"HTTP status code is {answer.status_code}."
    if not answer.headers.get("content-type", "").lower().startswith("text/plain"):
        return "The content type of the response is not text/plain."
    return None if answer.text == token else "The response is not the validation token."
