"""What docker-compose.yml starts, as plain processes: it becomes healthy, and a webhook causes a sync."""

import json
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from domain.sides import SIDES, Pair
from lab.scenarios.live.rest import until
from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from tests.deploy.rehearsal import SECRETS, VARIABLES, Rehearsal, opened

pytestmark = pytest.mark.stack

WEBHOOK_SECRET = "shared-with-both-systems"
NAMES = Pair("alpha", "beta")
DECLARATION = {
    "name": "tickets",
    "a": {"connection": NAMES.a, "record_type": "ticket"},
    "b": {"connection": NAMES.b, "record_type": "ticket"},
    "defaults": {"policy": ["last_write_wins", "review"]},
    "fields": [{"name": "title", "a": "title", "b": "title"}],
}


@pytest.fixture(scope="module")
async def systems() -> AsyncIterator[Pair[LabSystem]]:
    with tempfile.TemporaryDirectory(prefix="accord-lab-") as folder:
        async with (
            await LabSystem.start("plain", NAMES.a, Path(folder)) as alpha,
            await LabSystem.start("plain", NAMES.b, Path(folder)) as beta,
        ):
            yield Pair(alpha, beta)


@pytest.fixture(scope="module")
async def deployment(systems: Pair[LabSystem]) -> AsyncIterator[Rehearsal]:
    """`docker compose up`."""
    with open_folder() as folder:
        async with opened(folder) as rehearsal:
            configure(rehearsal.config, systems)
            await bring_up(rehearsal)
            yield rehearsal


@contextmanager
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="accord-deploy-") as name:
        Path(name).chmod(0o755)  # the user that PostgreSQL runs as must get in
        yield Path(name)


async def bring_up(rehearsal: Rehearsal) -> None:
    """Jobs first, then what waits for them."""
    for job in ("migrate", "namespace"):
        await rehearsal.run_job(job)
    for service in ("worker", "gateway"):
        assert not await rehearsal.is_healthy(service), f"{service} is healthy before it runs"
        await rehearsal.start(service)


def configure(config: Path, systems: Pair[LabSystem]) -> None:
    """What docs/deploy.md asks an operator to write, with a secret of each kind."""
    (config / "secrets").mkdir()
    (config / "secrets" / "webhook").write_text(f"{WEBHOOK_SECRET}\n")
    connections = {
        NAMES[side]: {
            "system": "plain",
            "url": systems[side].url,
            "token": "${env:LAB_TOKEN}",
            "user": "sync",
            "webhook_secrets": ["${file:secrets/webhook}"],
        }
        for side in SIDES
    }
    (config / "connections.yaml").write_text(yaml.safe_dump(connections))
    (config / "integrations.d" / "tickets.yaml").write_text(yaml.safe_dump(DECLARATION))


async def accord(deployment: Rehearsal, *words: str) -> str:
    """`docker compose exec gateway accord …`"""
    ran = await deployment.execute("gateway", "accord", *words)
    assert ran.code == 0, ran.output
    return ran.output


async def test_every_service_with_a_health_check_passes_it(deployment: Rehearsal) -> None:
    checked = [name for name, service in deployment.services.items() if service.check]
    assert checked == ["worker", "gateway"]
    assert all([await deployment.is_healthy(name) for name in checked])


async def test_both_jobs_can_run_again(deployment: Rehearsal) -> None:
    await deployment.run_job("migrate")
    await deployment.run_job("namespace")


async def test_the_gateway_reaches_database_and_temporal(deployment: Rehearsal) -> None:
    async with httpx.AsyncClient(base_url=deployment.gateway_url, trust_env=False) as client:
        ready = await client.get("/ready")
    assert ready.json() == {"database": True, "temporal": True}


async def test_the_api_is_for_holders_of_the_token(deployment: Rehearsal) -> None:
    async with httpx.AsyncClient(base_url=deployment.gateway_url, trust_env=False) as client:
        without = await client.get("/api/pairs")
        holder = {"authorization": f"Bearer {VARIABLES['ACCORD_API_TOKEN']}"}
        assert without.status_code == httpx.codes.UNAUTHORIZED
        assert (await client.get("/api/pairs", headers=holder)).status_code == httpx.codes.OK


async def test_a_webhook_causes_a_sync(deployment: Rehearsal, systems: Pair[LabSystem]) -> None:
    for side in SIDES:
        url = f"{deployment.gateway_url}/webhooks/{NAMES[side]}"
        await systems[side].control.subscribe(
            Subscription(id="accord", url=url, secret=WEBHOOK_SECRET, record_types=["ticket"])
        )
    records = Pair(*[await systems[side].control.create("ticket", {"title": "disk full"}) for side in SIDES])
    await accord(deployment, "apply", "tickets")
    await accord(deployment, "link", "tickets", records.a.id, records.b.id)

    async def is_linked() -> bool:
        found = json.loads(await accord(deployment, "pairs", "--json"))
        return [pair["states"] for pair in found] == [["in_sync"]]

    async def has_arrived() -> bool:
        there = await systems.b.control.record("ticket", records.b.id)
        return there.record.fields["title"] == "disk full on db3"

    await until(is_linked, "the pair is in sync")
    await systems.a.control.edit("ticket", records.a.id, {"title": "disk full on db3"}, by="ann")
    await until(has_arrived, "the edit is on the other side")


async def test_no_secret_shows_in_what_the_processes_print(deployment: Rehearsal) -> None:
    printed = [deployment.stack.supervisor.log_file(name).read_text() for name in deployment.services]
    secrets = [WEBHOOK_SECRET, VARIABLES["ACCORD_API_TOKEN"], VARIABLES["ACCORD_DATABASE_PASSWORD"]]
    assert not [secret for secret in secrets if any(secret in log for log in printed)]
    assert SECRETS["LAB_TOKEN"] not in [word for log in printed for word in log.split('"')]


@pytest.mark.parametrize(
    ("role", "database"),
    [
        ("accord_service", "temporal"),
        ("accord_service", "temporal_visibility"),
        ("temporal_service", "accord"),
    ],
)
async def test_neither_owner_reaches_the_others_database(
    deployment: Rehearsal, role: str, database: str
) -> None:
    refused = deployment.psql(database, "-c", "SELECT 1", role=role)
    assert refused.code != 0
    assert "permission denied" in refused.output


async def test_temporals_role_may_make_what_its_schema_needs(deployment: Rehearsal) -> None:
    wanted = "CREATE EXTENSION IF NOT EXISTS btree_gin; CREATE TABLE probe (id int); DROP TABLE probe"
    made = deployment.psql("temporal_visibility", "-c", wanted, role="temporal_service")
    assert made.code == 0, made.output


async def test_a_worker_that_hangs_becomes_unhealthy(deployment: Rehearsal) -> None:
    worker = next(child for child in deployment.stack.states() if child.name == "worker")
    assert worker.pid is not None
    process = psutil.Process(worker.pid)

    async def is_unhealthy() -> bool:
        return not await deployment.is_healthy("worker")

    process.send_signal(signal.SIGSTOP)
    try:
        await until(is_unhealthy, "the health check fails", timedelta(seconds=60))
    finally:
        process.send_signal(signal.SIGCONT)
    await until(lambda: deployment.is_healthy("worker"), "the health check passes again")
