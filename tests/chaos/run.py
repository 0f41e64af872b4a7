"""One seed: stage, storm, calm, verdict."""

import shutil
import tempfile
import time
from pathlib import Path

from tests.chaos.administrator import Administrator
from tests.chaos.misfortune import rage
from tests.chaos.plan import draw
from tests.chaos.report import Result, attempts_in
from tests.chaos.rules import check
from tests.chaos.settling import settle
from tests.chaos.stage import Stage
from tests.chaos.weather import lengthen


def run(seed: int, *, users: int, minutes: float, hosts: int, long: bool = False) -> Result:
    """Run one seed to its end; long: with what lasts for minutes.

    The logs are kept, in the result's folder, when a rule is broken.
    """
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    with Stage(folder, users=users, seed=seed, hosts=hosts, long=long) as stage:
        everybody = stage.tenant.users()
        plan = draw(seed, everybody, minutes=minutes, hosts=hosts)
        if long:
            plan = lengthen(plan, everybody)
        administrator = Administrator(stage.tenant, everybody)
        try:
            damage = rage(stage, plan, administrator)
            convergence, late = settle(stage, plan, administrator)
        finally:
            administrator.close()
        counters = stage.tenant.counters()
        result = Result(
            seed=seed,
            users=users,
            damage=damage,
            deeds=administrator.history.deeds,
            sets=sum(counters["calls"]["teams"].get("set_conferencing_user", {}).values()),
            redelivered=counters["notifications"]["retried"],
            attempts=attempts_in(stage.logs()),
            verdict=check(stage, administrator.history, damage.requested, plan.window),
            late=late,
            convergence=convergence,
            seconds=time.monotonic() - began,
            folder=folder,
            replay=f'make chaos ARGS="--seed {seed} --users {users} --minutes {minutes:g} '
            f'--hosts {hosts}{" --long" if long else ""}"',
        )
    if result.good:
        shutil.rmtree(folder, ignore_errors=True)
    return result
