"""TLS to a real broker with certificates of a CA of our own, on machines whose clocks are wrong."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.agent import Agent
from edge_agent.clock import SimClock, Sync
from edge_agent.mqtt_link import Broker as LinkBroker
from edge_agent.mqtt_link import PahoLink
from edge_agent.tls import TlsError
from tests.edge_agent.scripted import Scripted, ScriptedServer, agent_for, connect, delivered, pump
from tests.servers import Broker, free_port

YEAR_S = 365.25 * 86_400
NONE, SET = Sync("none", None), Sync("ntp", 0.01)


class Authority(NamedTuple):
    """A CA of our own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def day(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(name: str = "OSHWatch test CA", ends: int = 2090, of: Authority | None = None) -> Authority:
    """An authority; `of`: another certificate for the same key, as when one is renewed."""
    key = ec.generate_private_key(ec.SECP256R1()) if of is None else of.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day(1970))
        .not_valid_after(day(ends))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue(ca: Authority, folder: Path, begins: int, ends: int, *, address: str = "127.0.0.1") -> None:
    """Files for the broker: a certificate for an address, valid between two years."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named("broker"))
        .issuer_name(ca.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day(begins))
        .not_valid_after(day(ends))
        .add_extension(names, critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "broker.crt").write_bytes(certificate.public_bytes(pem))
    (folder / "ca.crt").write_bytes(ca.certificate.public_bytes(pem))
    (folder / "broker.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class TlsBroker:
    """A broker with a plain listener for the server and one with TLS for the gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls_port = free_port()
        self.broker = Broker(free_port(), folder / "mosquitto.conf")
        self.server: ScriptedServer | None = None
        self.agents: list[Agent] = []

    def start(self, *, ahead_s: float = 0.0) -> ScriptedServer:
        files = "".join(f"{key} {self.folder / name}\n" for key, name in (
            ("cafile", "ca.crt"), ("certfile", "broker.crt"), ("keyfile", "broker.key")))  # fmt: skip
        self.broker.config.write_text(
            f"user root\nallow_anonymous true\nlistener {self.broker.port} 127.0.0.1\n"
            f"listener {self.tls_port} 127.0.0.1\n{files}"
        )
        self.broker.start()
        self.server = ScriptedServer(self.broker, clock_ahead_s=ahead_s)
        return self.server

    def agent(self, clock: SimClock, *, time_exchange: str = "auto") -> Agent:
        agent = agent_for(
            self.folder / "gw",
            self.tls_port,
            clock,
            {"st1": Scripted()},
            mqtt_ca_file=self.folder / "trusted.crt",
            reconnect_longest_s=1.0,
            time_exchange=time_exchange,
        )
        self.agents.append(agent)
        agent.start()
        return agent

    def stop(self) -> None:
        for agent in self.agents:
            agent.stop(0.1)
        if self.server is not None:
            self.server.close()
        self.broker.stop()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsBroker]:
    tls = TlsBroker(tmp_path)
    yield tls
    tls.stop()


def prepare(tls: TlsBroker, begins: int, ends: int, *, address: str = "127.0.0.1") -> Authority:
    ca = authority()
    issue(ca, tls.folder, begins, ends, address=address)
    (tls.folder / "trusted.crt").write_bytes((tls.folder / "ca.crt").read_bytes())
    return ca


def clock_at(t: float, sync: Sync) -> SimClock:
    return SimClock(t, booted_at=t - 100, sync=sync)


def in_year(year: int) -> float:
    return day(year).timestamp() + 1000.0


def refused(agent: Agent) -> str:
    pump(agent, lambda: agent.publisher.refused, what="the refusal")
    assert not agent.publisher.connected
    return agent.publisher.refused or ""


def test_with_a_good_clock_and_a_good_certificate_it_connects(tls: TlsBroker) -> None:
    prepare(tls, 2000, 2089)
    tls.start()
    agent = tls.agent(clock_at(time.time(), SET))
    connect(agent)
    assert agent.publisher.counters.connections == 1


@pytest.mark.parametrize(("begins", "ends"), [(2060, 2070), (2001, 2002)])
@pytest.mark.parametrize("shown", [1970, 2026, 2080])
def test_while_nobody_knows_the_time_dates_alone_are_not_checked(
    tls: TlsBroker, begins: int, ends: int, shown: int
) -> None:
    prepare(tls, begins, ends)
    tls.start()
    agent = tls.agent(clock_at(in_year(shown), NONE), time_exchange="never")
    connect(agent)
    agent.tell("measured")
    agent.seal("flush")
    pump(agent, lambda: delivered(agent))


@pytest.mark.parametrize(
    ("machine", "begins", "ends", "truly"), [(1970, 2060, 2070, 2065), (2040, 2001, 2020, 2010)]
)
def test_after_the_first_anchor_it_connects_again_and_checks_dates_by_the_servers_time(
    tls: TlsBroker, machine: int, begins: int, ends: int, truly: int
) -> None:
    """OpenSSL alone would refuse: the clock of the machine that runs this is outside of the certificate's
    dates, as on a gateway that woke in 1970 and whose clock nobody sets."""
    prepare(tls, begins, ends)
    server = tls.start(ahead_s=in_year(truly) - time.time())
    agent = tls.agent(clock_at(in_year(machine), NONE))
    connect(agent)
    pump(agent, lambda: agent.look() and agent.timekeeper.state.clk == "srv", what="the anchor")
    pump(agent, lambda: agent.publisher.counters.connections == 2, what="the second connection")
    agent.tell("measured")
    agent.seal("flush")
    pump(agent, lambda: delivered(agent))
    assert agent.publisher.refused is None
    assert server.births[-1]["clk"] == "srv"


def test_a_certificate_that_the_servers_time_shows_to_be_expired_is_refused_then(tls: TlsBroker) -> None:
    prepare(tls, 2000, 2089)
    tls.start(ahead_s=in_year(2089) + YEAR_S - time.time())
    agent = tls.agent(clock_at(in_year(1971), NONE))
    connect(agent)
    pump(agent, lambda: agent.look() and agent.timekeeper.state.clk == "srv", what="the anchor")
    assert "has expired (valid only until 2089-01-01T00:00Z; here it is 2090" in refused(agent)


def test_an_expired_certificate_and_a_good_clock_give_one_clear_error(
    tls: TlsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(tls, 2001, 2002)
    tls.start()
    with caplog.at_level(logging.ERROR):
        agent = tls.agent(clock_at(time.time(), SET))
        assert refused(agent) == (
            "the broker's certificate has expired (certificate has expired): renew it, or look at this clock"
        )
        until = time.monotonic() + 2.5
        pump(agent, lambda: time.monotonic() > until)
    assert len([one for one in caplog.records if "expired" in str(one.__dict__)]) == 1
    assert agent.publisher.counters.connections == 0


@pytest.mark.parametrize(("shown", "told"), [(2060, "has expired"), (1999, "is not valid yet")])
def test_dates_are_judged_by_the_time_the_agent_goes_by(tls: TlsBroker, shown: int, told: str) -> None:
    prepare(tls, 2000, 2050)
    tls.start()
    assert told in refused(tls.agent(clock_at(in_year(shown), SET)))


@pytest.mark.parametrize("sync", [NONE, SET])
def test_another_name_is_refused_always(tls: TlsBroker, sync: Sync) -> None:
    prepare(tls, 2000, 2089, address="192.0.2.7")
    tls.start()
    assert "is not for 127.0.0.1" in refused(tls.agent(clock_at(time.time(), sync)))


@pytest.mark.parametrize("sync", [NONE, SET])
def test_a_foreign_authority_is_refused_always(tls: TlsBroker, sync: Sync) -> None:
    prepare(tls, 2000, 2089)
    issue(authority("another"), tls.folder, 2000, 2089)  # what the broker has; trusted.crt stays
    tls.start()
    assert "is not of our CA" in refused(tls.agent(clock_at(time.time(), sync)))


@pytest.mark.parametrize("sync", [NONE, SET])
def test_a_certificate_that_signed_itself_is_refused_always(tls: TlsBroker, sync: Sync) -> None:
    prepare(tls, 2000, 2089)
    issue(authority("broker"), tls.folder, 2000, 2089)
    tls.start()
    assert "is not of our CA" in refused(tls.agent(clock_at(time.time(), sync)))


@pytest.mark.parametrize("order", [1, -1])
def test_an_authority_that_was_renewed_may_stand_in_the_file_twice(tls: TlsBroker, order: int) -> None:
    """By the server's time (2071) the first certificate of the authority is over, the second is not."""
    old = authority(ends=2070)
    new = authority(ends=2090, of=old)
    issue(new, tls.folder, 2000, 2089)
    pem = [one.certificate.public_bytes(serialization.Encoding.PEM) for one in (old, new)]
    (tls.folder / "trusted.crt").write_bytes(b"".join(pem[::order]))
    server = tls.start(ahead_s=in_year(2071) - time.time())
    agent = tls.agent(clock_at(in_year(1971), NONE))
    connect(agent)
    pump(agent, lambda: agent.look() and len(server.births) > 1, what="the second connection")
    assert agent.publisher.refused is None


def test_once_the_certificate_is_renewed_it_connects_by_itself(tls: TlsBroker) -> None:
    ca = prepare(tls, 2001, 2002)
    tls.start()
    agent = tls.agent(clock_at(time.time(), SET))
    assert "expired" in refused(agent)
    tls.broker.stop()
    issue(ca, tls.folder, 2000, 2089)
    tls.broker.start()
    connect(agent)
    assert agent.publisher.refused is None


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.crt"
    for content in (None, b"no certificate"):
        if content is not None:
            rubbish.write_bytes(content)
        with pytest.raises(TlsError, match=r"ca\.crt: cannot be used for TLS"):
            PahoLink("kh-f0123-a", LinkBroker("127.0.0.1", 1, ca_file=str(rubbish)))
