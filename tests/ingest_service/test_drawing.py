"""Small drawings: a line never crosses a gap, the limit is always in the picture, a map has every factory."""

from ingest_service.queries.models import MapPoint
from ingest_service.web.drawing import HEIGHT, WIDTH, maps, spark

HOUR = 3600.0


def test_a_line_breaks_where_nothing_is_known() -> None:
    drawn = spark([(0.0, 20.0), (HOUR, 21.0), (2 * HOUR, None), (3 * HOUR, 22.0), (4 * HOUR, 22.5)], None)
    assert drawn.path.count("M") == 2
    assert drawn.gaps == ((WIDTH / 4, WIDTH / 2),)


def test_minutes_that_have_not_come_in_yet_are_no_gap() -> None:
    assert spark([(0.0, 20.0), (HOUR, 21.0), (HOUR + 120, None)], None).gaps == ()


def test_the_limit_is_inside_the_picture_however_far_away() -> None:
    drawn = spark([(0.0, 20.0), (HOUR, 20.2)], 33.0)
    assert drawn.limit_y is not None
    assert 0 <= drawn.limit_y <= HEIGHT


def test_nothing_known_is_all_gap() -> None:
    assert spark([(0.0, None), (HOUR, None)], 30.0).gaps == ((0.0, WIDTH),)


def test_no_points_draw_nothing() -> None:
    drawn = spark([], 30.0)
    assert (drawn.path, drawn.gaps) == ("", ())


def _point(country: str, longitude: float, latitude: float, workers: int) -> MapPoint:
    return MapPoint(
        site=f"{country}-f0001", district="d", sites=1, name="Factory", country=country,
        latitude=latitude, longitude=longitude, workers=workers, state="within",
    )  # fmt: skip


def test_each_country_gets_its_own_map_with_larger_factories_drawn_larger() -> None:
    found = maps(
        [_point("kh", 104.9, 11.5, 100), _point("jo", 36.0, 32.0, 10), _point("kh", 103.0, 13.0, 2000)]
    )
    assert [one.country for one in found] == ["kh", "jo"]
    assert [at.point.workers for at in found[0].places] == [2000, 100]
    assert found[0].places[0].half > found[0].places[1].half


def test_a_factory_lies_inside_the_outline_of_its_country() -> None:
    (cambodia,) = maps([_point("kh", 104.92, 11.56, 500)])
    (place,) = cambodia.places
    assert 0 < place.x < cambodia.width
    assert 0 < place.y < cambodia.height
    assert cambodia.path.startswith("M")


def test_a_country_without_a_shape_still_shows_its_factories() -> None:
    (unknown,) = maps([_point("xx", 10.0, 10.0, 5)])
    assert unknown.path == ""
    assert len(unknown.places) == 1
