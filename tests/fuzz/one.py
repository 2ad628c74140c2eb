"""One target under the fuzzer, in a process of its own: ``python -m tests.fuzz.one TARGET [OPTION ...]``.

``all`` chooses the target by the first byte.
"""

import logging
import sys

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(
    include=["osh_domain", "ingest_service", "edge_agent", "alert_rules", "oshwatch.verify"]
):
    from tests.fuzz.targets import TARGETS


def _any(data: bytes) -> None:
    names = sorted(TARGETS)
    if data:
        TARGETS[names[data[0] % len(names)]](data[1:])


def main() -> None:
    name = sys.argv.pop(1)
    logging.disable(logging.CRITICAL)
    atheris.Setup(sys.argv, _any if name == "all" else TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
