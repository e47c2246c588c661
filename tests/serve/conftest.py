"""A service on SQLite and on PostgreSQL, with the model that ships, for each test afresh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from made_people import hash_cheaply
from postgres_here import GIVEN, programs, server
from quickly import quickly
from sqlalchemy import create_engine, text

from papscope import shipped
from papscope.bundle import read_bundle, read_card, write_again
from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.shipped import find_bundle


@pytest.fixture(scope="session", autouse=True)
def quick_services() -> Iterator[None]:
    """Read each model, start each decoder and work out each database's layout once."""
    with quickly():
        yield


@pytest.fixture(scope="session")
def plain_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the one that ships, without its rules and its gate."""
    found = find_bundle()
    assert found.shipped is not None
    whole = read_bundle(found.folder)
    bare = replace(whole, description=replace(whole.description, rules={}, gate={}), reference={})
    home = tmp_path_factory.mktemp("models")
    write_again(home / found.shipped.name, bare, read_card(found.folder))
    return home


@pytest.fixture(scope="module", autouse=True)
def answering_for_drawings(plain_models: Path) -> Iterator[None]:
    """Let drawn pictures be answered for: the gate of the model that ships refuses them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "HOME", plain_models)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database's name."""
    given, binaries = os.environ.get(GIVEN), programs()
    if given:
        yield given.rpartition("/")[0]
    elif binaries:
        with server(binaries) as url:
            yield url
    else:
        pytest.skip(f"PostgreSQL is not installed, and {GIVEN} names no server")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of its own: each test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite'}"
        return
    base = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    admin = create_engine(
        base.replace("postgresql://", "postgresql+pg8000://") + "/postgres",
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{base}/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServeSettings:
    """Settings of a service with one thread; a test replaces what it is about."""
    return ServeSettings(home=tmp_path / "home", database_url=database_url, threads=1)


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords whose hashing costs next to nothing."""
    hash_cheaply(monkeypatch)


@pytest.fixture
def services(settings: ServeSettings) -> Iterator[Services]:
    """An opened service."""
    with opened(settings) as found:
        yield found


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """Somebody who asks the service from this machine."""
    app = create_app(services)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as asking:
        yield asking
