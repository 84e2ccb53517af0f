"""A cluster's own addresses never go through a proxy that the environment names."""

from __future__ import annotations

import os
from urllib.request import proxy_bypass_environment

import pytest

from sparring.cluster.daemons.proxies import LOOPBACK, spare

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back as it was
        monkeypatch.setenv(name.upper(), "")
        monkeypatch.delenv(name)
        monkeypatch.delenv(name.upper())


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY"])
def test_loopback_and_nodes_are_spared_for_whoever_asks_by_http(monkeypatch, name):
    monkeypatch.setenv(name, "http://proxy.company.example:3128")
    spare((*LOOPBACK, "192.0.2.7"))
    spare(["192.0.2.8"])
    for host in ("127.0.0.1:8265", "localhost:8265", "192.0.2.7:8265", "192.0.2.8:8265"):
        assert proxy_bypass_environment(host), host
    assert not proxy_bypass_environment("pypi.example")


def test_what_was_exempt_stays_so(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", ".company.example, 127.0.0.1")
    spare(LOOPBACK)
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == ".company.example,127.0.0.1,localhost,::1"


def test_without_a_proxy_or_where_nothing_goes_through_it_the_environment_is_left_alone(monkeypatch):
    spare(LOOPBACK)
    assert not any(name in os.environ for name in ("no_proxy", "NO_PROXY"))
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "*")
    spare(LOOPBACK)
    assert os.environ["no_proxy"] == "*"
    assert "NO_PROXY" not in os.environ
