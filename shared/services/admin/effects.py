"""Side effects of dry runs, from their results and from the tenant's switches as they are now."""

from shared.domain.run import Mode, Run, RunState, Signal
from shared.domain.side_effects import SideEffects
from shared.services.ports import MoveRequests, Runs, Tenant


class EffectsReader:
    """Says what carrying out a dry run would bring with it."""

    def __init__(self, runs: Runs, requests: MoveRequests, tenant: Tenant) -> None:
        self._runs = runs
        self._requests = requests
        self._tenant = tenant

    async def of(self, run: Run) -> SideEffects | None:
        """Return the side effects of a finished dry run or report-mode request; None: it is neither.

        ServiceError: the switches cannot be read, so it is not known what a run would bring.
        """
        reports = run.cause is Signal.PREVIEW or (
            run.cause is Signal.REQUEST and run.mode is Mode.REPORT
        )
        if not reports or run.state is not RunState.FINISHED:
            return None
        switches = await self._tenant.switches()
        if switches is None:
            return None  # in documented mode nothing is set
        options = (await self._requests.request(run.id)).options
        results = [result async for result in self._runs.results(run.id)]
        return SideEffects.of(results, switches, send_email=options.send_email)
