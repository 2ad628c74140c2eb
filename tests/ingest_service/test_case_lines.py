from pathlib import Path

import sqlalchemy as sa

from ingest_service.cases.schema import CASE_EVENTS, CASES
from ingest_service.database import migrate, open_database, write
from ingest_service.queries.case_lines import ended_with_shift

T = 1_776_650_400.0
ENDS = [
    (1, {"ended_by": "shift_over"}),
    (2, {"value": 29.1}),
    (3, {"ended_by": "shift_over"}),
    (3, {"value": 29.1}),
]


def test_only_a_case_whose_newest_end_was_the_shifts_is_said_to_have_ended_with_it(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    migrate(engine)
    with write(engine) as connection:
        for number in (1, 2, 3):
            connection.execute(
                sa.insert(CASES).values(
                    id=number,
                    key=str(number),
                    site="kh-f0123",
                    zone="kh-f0123/sewing-3",
                    hazard="heat",
                    subject="",
                    rule="heat-iso7243-reference",
                    pack="intl-heat",
                    pack_version="1",
                    state="cleared",
                    severity="danger",
                    opened_at=T,
                    cleared_at=T + 60,
                    event={},
                )
            )
        for case, data in ENDS:
            connection.execute(
                sa.insert(CASE_EVENTS).values(case_id=case, at=T, kind="cleared", text="", data=data)
            )
    with engine.connect() as connection:
        assert ended_with_shift(connection, [1, 2, 3]) == {1}
    engine.dispose()
