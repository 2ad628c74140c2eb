"""The catalogues of the languages; `python -m ingest_service.locale` collects the texts to translate."""
