"""The pages that every role can reach, for the tests that look at all of them."""

INSPECTOR_PAGES = {
    "overview": "/overview",
    "factory": "/factories/kh-f0123",
    "factory-silent": "/factories/kh-f0007",
    "cases": "/cases",
    "fleet": "/fleet",
    "gateway": "/fleet/kh-f0123-a",
    "quarantine": "/quarantine",
    "quarantine-item": "/quarantine/1",
    "mail": "/demo/mail",
    "account": "/account",
    "rules-country": "/rules?place=kh",
}
COMMITTEE_PAGES = {
    "zone-heat": "/factories/kh-f0123/zones/sewing-3/heat",
    "zone-past": "/factories/kh-f0123/zones/sewing-3/heat?range=week&until=2026-04-20",
    "zone-noise": "/factories/kh-f0123/zones/sewing-3/noise",
    "zone-air": "/factories/kh-f0123/zones/sewing-3/air",
    "case": "/cases/1",
    "case-cleared": "/cases/3",
    "rule": "/rules/intl-heat/heat-iso7243-reference",
    "rules": "/rules",
}
PAGES = [("inspector", name, path) for name, path in INSPECTOR_PAGES.items()]
PAGES += [("dara", name, path) for name, path in COMMITTEE_PAGES.items()]
