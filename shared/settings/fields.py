"""Types of setting values: lists, rules, schedules, numbers, addresses."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, GetPydanticSchema
from pydantic_core import core_schema

from shared.addresses import keeps_secrets
from shared.domain.bridges import read_number
from shared.domain.countries import check_country
from shared.domain.number_rules import NumberRules
from shared.domain.retry import DEFAULT_PACE, Pace
from shared.domain.schedule import Schedule
from shared.errors import InputError
from shared.userlists.names import split_names

_LOCATION: Final = len("US")
_LONGEST_PAUSE: Final = 86_400


def _csv_lower(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip().casefold() for part in value.split(",") if part.strip()]


def _names(value: object) -> object:
    """Read names as `acp move --users` does: an exclusion that names no user would protect nobody."""
    if not isinstance(value, str):
        return value
    try:
        return [name.casefold() for name in split_names(value)]
    except InputError as error:
        raise ValueError(str(error)) from None


def _pace(value: object) -> object:
    """Read `9%,45,3600`; a list of pauses, as of older versions, gives only floor and ceiling."""
    if not isinstance(value, str):
        return value
    percent, mark, rest = value.rpartition("%")
    pauses = [_pause(part) for part in (rest.lstrip(" ,") if mark else value).split(",")]
    if not mark:
        return Pace(DEFAULT_PACE.share, min(pauses), max(pauses))
    share = float(percent) / 100
    if not 0 < share <= 1:
        raise ValueError("the share is above 0 % and at most 100 %")
    match pauses:
        case [shortest, longest] if shortest <= longest:
            return Pace(share, shortest, longest)
    raise ValueError("after the share, the shortest and the longest pause are needed")


def _pause(text: str) -> timedelta:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST_PAUSE:
        raise ValueError(f"a pause is above 0 and at most {_LONGEST_PAUSE} seconds")
    return timedelta(seconds=seconds)


def _json(value: object) -> object:
    try:
        return json.loads(value, object_pairs_hook=_once) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("that is nested too deeply") from None


def _rules(value: object) -> object:
    """Read `GB=+44...; *=+1...`, or the same as JSON; nobody may be named twice."""
    if not isinstance(value, str) or value.lstrip().startswith(("{", "[", '"')):
        value = _json(value)
        return _once(list(value.items())) if isinstance(value, dict) else value
    pairs = [part.partition("=") for part in value.split(";") if part.strip()]
    return _once([(for_whom, number.strip()) for for_whom, _, number in pairs])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the pairs as a dict whose keys are spelled the one way; ValueError: one is there twice."""
    found: dict[str, object] = {}
    for text, value in pairs:
        key = text.strip()
        key = key.casefold() if len(key) > _LOCATION else key.upper()
        if key in found:
            raise ValueError(f"{key} is given twice")
        found[key] = value
    return found


def _read[T](reader: Callable[[str], T]) -> AfterValidator:
    """Return a validator that reads text with `reader`, whose InputError is the fault."""

    def read(value: str) -> T:
        try:
            return reader(value)
        except InputError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(read)


def _for_whom(text: str) -> str:
    return check_country(text) if len(text) == _LOCATION else text


def _guids(value: object) -> object:
    parts = _csv_lower(value)
    return [str(UUID(part)) for part in parts] if isinstance(parts, list) else parts


def _secret(value: AnyHttpUrl) -> AnyHttpUrl:
    if not keeps_secrets(str(value)):
        raise ValueError(
            "tokens go over https://, or to this machine (http://127.0.0.1): not there"
        )
    return value


def _bare(value: AnyHttpUrl) -> AnyHttpUrl:
    if value.query or value.fragment:
        raise ValueError("an address without ? and # is needed")
    return value


def _connection(value: str) -> str:
    if value.casefold() != "usedevelopmentstorage=true" and "accountname=" not in value.casefold():
        raise ValueError("a connection string has AccountName=...; for one, see `acp storage`")
    parts = dict(part.partition("=")[::2] for part in value.split(";"))
    given = {name.strip().casefold(): each.strip() for name, each in parts.items()}
    endpoints = [each for name, each in given.items() if name.endswith("endpoint")]
    if not all(map(keeps_secrets, endpoints)):
        raise ValueError(
            "an endpoint is needed over https://, or on this machine (http://127.0.0.1)"
        )
    if not endpoints and given.get("defaultendpointsprotocol", "https").casefold() != "https":
        raise ValueError("DefaultEndpointsProtocol=https is needed")
    return value


def _schedule(value: object) -> object:
    return Schedule.parse(value).text if isinstance(value, str) else value


ScheduleText = Annotated[str, BeforeValidator(_schedule)]
Phone = Annotated[str, _read(read_number)]
ForWhom = Annotated[
    str,
    Field(pattern=r"^([A-Z]{2}|\*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"),
    _read(_for_whom),
]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Days = Annotated[int, Field(ge=1, le=3_650)]
Guid = Annotated[str, BeforeValidator(lambda value: str(UUID(value)))]
Names = Annotated[frozenset[str], BeforeValidator(_names)]
Groups = Annotated[frozenset[str], BeforeValidator(_guids)]
NumberRulesSetting = Annotated[
    NumberRules,
    # The written form is validated as a dict, so that a fault names its rule.
    GetPydanticSchema(
        lambda _, handler: core_schema.no_info_after_validator_function(
            NumberRules.parse, handler.generate_schema(dict[ForWhom, Phone])
        )
    ),
    BeforeValidator(_rules),
]
SecretUrl = Annotated[AnyHttpUrl, AfterValidator(_secret)]
"""An address that tokens or secrets are sent to."""

BareUrl = Annotated[SecretUrl, AfterValidator(_bare)]
ConnectionString = Annotated[str, AfterValidator(_connection)]
PaceSetting = Annotated[Pace, BeforeValidator(_pace)]
