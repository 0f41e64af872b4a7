"""The administrator's own sign-in: real msal, over TLS, with a person who enters a code on a page."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.serving import bind
from local.tenant.app import create_app
from local.tenant.options import TenantOptions
from local.waiting import wait_until

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
CODE = re.compile(r"open the page https://127\.0\.0\.1:(\d+)/_signin/(\w+) and enter")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate for 127.0.0.1 that signs itself; return their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sign-in")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "key.pem", folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    files[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    files[1].write_bytes(made.public_bytes(pem))
    return files


@dataclass
class Entra:
    """A tenant whose sign-in speaks TLS; everything else of it is at `http`."""

    tenant_id: str
    https: str
    http: str
    trusted: Path

    def acp(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        """Start `acp` as somebody without a managed identity."""
        environment = {
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.trusted.parent),
            "REQUESTS_CA_BUNDLE": str(self.trusted),
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "ACP_TENANT_ID": self.tenant_id,
            "ACP_GRAPH_URL": self.http,
            "ACP_TEAMS_URL": self.http,
            "ACP_SIGN_IN_CLIENT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
            "ACP_SIGN_IN_URL": self.https,
            **settings,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            env=environment,
            cwd=self.trusted.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell starts jobs in the background with Ctrl-C ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def enter(self, process: subprocess.Popen[str], answer: str) -> None:
        """Be the person: read the code and approve or decline."""
        assert process.stderr is not None
        line = process.stderr.readline()
        found = CODE.search(line)
        assert found, line
        httpx.post(f"{self.http}/_signin/{found[2]}/{answer}").raise_for_status()


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entra]:
    """A tenant served twice by one event loop: over TLS for the sign-in, plainly for the rest."""
    folder = tmp_path_factory.mktemp("entra")
    key, trusted = certificate(folder)
    app = create_app(TenantOptions(users=20))
    plain, safe = bind(0), bind(0)
    servers = [
        uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on")),
        uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, lifespan="off", ssl_keyfile=key, ssl_certfile=trusted
            )
        ),
    ]

    async def serve() -> None:
        await asyncio.gather(
            *(s.serve(sockets=[b]) for s, b in zip(servers, (plain, safe), strict=True))
        )

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    wait_until(lambda: all(server.started for server in servers), "both servers", PATIENCE)
    ports = [each.getsockname()[1] for each in (plain, safe)]
    yield Entra(
        app.state.tenant.id,
        f"https://127.0.0.1:{ports[1]}",
        f"http://127.0.0.1:{ports[0]}",
        trusted,
    )
    for server in servers:
        server.should_exit = True
    thread.join(PATIENCE)
    for each in (plain, safe):
        each.close()


@pytest.fixture(scope="module", autouse=True)
def unanswered(entra: Entra) -> Iterator[subprocess.Popen[str]]:
    """A sign-in that nobody answers. It needs seconds to give up, so it begins with the tests."""
    process = entra.acp("providers", ACP_SIGN_IN_URL="https://127.0.0.1:9")
    yield process
    process.kill()
    process.communicate()


def test_one_sign_in_serves_graph_and_teams(entra: Entra) -> None:
    """The code is shown on standard error once; Graph and Teams then answer with data."""
    process = entra.acp("ready", "--output", "json")
    entra.enter(process, "approve")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert '"provider"' in out
    assert "enter the code" not in err


def test_grant_by_device_code(entra: Entra) -> None:
    """`acp grant --sign-in device` uses the person's rights; neither az nor storage is needed."""
    identity = httpx.get(f"{entra.http}/_tenant/identity").json()["principalId"]
    process = entra.acp("grant", "--sign-in", "device", "--identity", identity)
    entra.enter(process, "approve")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    found = httpx.get(f"{entra.http}/_tenant/identity").json()
    assert (found["permissions"], found["roles"]) == (["User.Read.All"], ["Teams Administrator"])


@pytest.mark.large
def test_a_declined_sign_in(entra: Entra) -> None:
    """Status 3 and one line that says why."""
    process = entra.acp("providers")
    entra.enter(process, "decline")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (3, "")
    assert "could not sign in: AADSTS70017: the person declined." in err
    assert err.count("error: ") == 1


def test_interrupted_while_signing_in(entra: Entra) -> None:
    """Ctrl-C ends the waiting for the person within a few seconds, not when the code expires."""
    process = entra.acp("providers")
    assert process.stderr is not None
    assert CODE.search(process.stderr.readline())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert time.monotonic() - began < 15


def test_nobody_at_the_sign_in_address(unanswered: subprocess.Popen[str]) -> None:
    """Status 3, and the address is named."""
    out, err = unanswered.communicate(timeout=PATIENCE)
    assert (unanswered.returncode, out) == (3, "")
    assert "is https://127.0.0.1:9/" in err
    assert "Traceback" not in err
