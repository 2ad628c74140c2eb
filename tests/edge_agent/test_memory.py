"""A gateway has little memory: its process never loads what it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEVER = (
    "oshwatch", "ingest_service", "alert_rules", "firmware_sim", "typer", "click", "rich", "structlog",
    "yaml", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "tomllib", "asyncio",
    "numpy", "sqlalchemy", "alembic", "fastapi", "uvicorn", "starlette", "httpx",
    "prometheus_client", "jinja2", "apprise", "reportlab", "psycopg", "influxdb_client", "pymodbus",
    "sounddevice", "cryptography.hazmat.primitives.serialization", "cryptography.x509",
)  # fmt: skip
PROGRAM = """
import json, sys
from pathlib import Path
import edge_agent.__main__
from edge_agent.runner import Runner
from edge_agent.settings_apart import load_apart
runner = Runner(load_apart(Path(sys.argv[1])))
runner.agent.start()
runner.agent.step()
runner.agent.stop(0.0)
print(json.dumps(sorted(sys.modules)))
"""


def configure(folder: Path) -> Path:
    config = folder / "agent.toml"
    config.write_text(
        f'gateway = "kh-f0123-a"\nsite = "kh-f0123"\ndata_dir = "{folder}"\nmqtt_port = 1\n'
        '[[sensors]]\nid = "st1"\ndriver = "ds18b20"\n'
    )
    return config


def test_the_process_of_a_gateway_loads_no_library_of_the_server_the_command_line_or_the_check_of_settings(
    tmp_path: Path,
) -> None:
    config = configure(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(config)], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    loaded = set(json.loads(ended.stdout))
    assert "paho.mqtt.client" in loaded
    assert loaded & set(NEVER) == set()


def test_the_running_agent_has_no_page_of_the_library_that_checked_its_settings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_agent", str(configure(tmp_path))]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as agent:
        try:
            assert agent.stderr is not None
            assert any("agent runs" in line for line in agent.stderr)
            mapped = Path(f"/proc/{agent.pid}/maps").read_text("utf-8")
            children = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text("utf-8")
        finally:
            agent.terminate()
    assert "cryptography" in mapped
    assert "pydantic" not in mapped
    assert children == ""
