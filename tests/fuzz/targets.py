"""What is fuzzed: one small target a parser, each with the errors that it may raise and no others.

A target takes any bytes. It returns for what is read, or refused with the declared error; whatever else it
raises is a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.fuzz import file_targets, wire_targets

Target = Callable[[bytes], None]

TARGETS: Final[dict[str, Target]] = {
    "senml-json": wire_targets.senml_json,
    "senml-cbor": wire_targets.senml_cbor,
    "fast-senml": wire_targets.fast_senml,
    "sealed-batch": wire_targets.sealed_batch,
    "check": wire_targets.check_payload,
    "server-words": wire_targets.server_words,
    "gateway-words": wire_targets.gateway_words,
    "day-line": wire_targets.day_line,
    "ds18b20": wire_targets.ds18b20,
    "rule-pack": file_targets.rule_pack,
    "site-description": file_targets.site_description,
    "bundle": file_targets.evidence_bundle,
}
