"""A fresh register for each test, and the sample factory in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


@pytest.fixture
def sample_description() -> Any:
    """The documented sample: factory kh-f0123 and its people."""
    return yaml.safe_load(SAMPLE.read_text("utf-8"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty register of the newest schema."""
    engine = open_database(tmp_path / "data")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def register(engine: sa.Engine, sample_description: Any) -> Register:
    """The sample factory's register; its clock stands at 2026-06-01 02:00 UTC."""
    register = Register(engine, now=lambda: 1780279200.0)
    import_description(register, sample_description, "test")
    return register
