"""Views of the doctor's findings."""

from typing import Self

from pydantic import BaseModel

from shared.services.admin.doctor import Finding


class FindingView(BaseModel):
    """A part of the app: ok, warning or failed, with what to do."""

    part: str
    verdict: str
    detail: str
    to_do: str

    @classmethod
    def of(cls, found: Finding) -> Self:
        """Return the view of a finding."""
        return cls(
            part=found.part, verdict=str(found.verdict), detail=found.detail, to_do=found.to_do
        )
