"""The register as a process sees it that looks after one shard."""

from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register


class RegisterOfShard:
    """`snapshot` as `Register` gives it, with the sites of one shard; None: all of them."""

    def __init__(self, register: Register, shard: int | None) -> None:
        self._register, self._shard = register, shard

    def snapshot(self) -> RegisterSnapshot:
        return self._register.snapshot().of_shard(self._shard)
