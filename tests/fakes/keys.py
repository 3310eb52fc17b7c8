"""Keys in memory: the store of encrypted keys, the vault, and the issuing keys of a function."""

from threading import Lock

from cryptography import x509

from stepless.domain.issuance import Issuer, IssuingPrivateKey
from stepless.errors import Conflict, Unavailable
from stepless.services.ports import IssuerKeys, KeyName, KeyStore, KeyVault, SealedKey, StoredKey
from tests.fakes.faults import Faults


class MemoryKeys:
    """Encrypted keys as they come; the fake of the table, not of the encryption."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stored: dict[KeyName, StoredKey] = {}

    def put(self, stored: StoredKey, *, instead_of: x509.Certificate | None = None) -> None:
        """Keep a key; see the port."""
        with self._lock:
            known = self._stored.get(stored.name)
            if (known.chain[0] if known is not None else None) != instead_of:
                raise Conflict(f"key {stored.name.role}/{stored.name.key_id} is there already, or changed")
            self._stored[stored.name] = stored

    def get(self, name: KeyName) -> StoredKey | None:
        """The key of a name; see the port."""
        return self._stored.get(name)


_: type[KeyStore] = MemoryKeys


class MemoryVault:
    """A vault that keeps keys in the clear. A test may look at ``sealed``."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._lock = Lock()
        self.sealed: dict[KeyName, SealedKey] = {}

    def seal(self, name: KeyName, key: IssuingPrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        """Keep a new key; see the port."""
        self._put(name, SealedKey(key, chain), instead_of=None)

    def replace(
        self,
        name: KeyName,
        key: IssuingPrivateKey,
        chain: tuple[x509.Certificate, ...],
        *,
        instead_of: x509.Certificate,
    ) -> None:
        """Put a new key in the place of an older one; see the port."""
        self._put(name, SealedKey(key, chain), instead_of=instead_of)

    def _put(self, name: KeyName, sealed: SealedKey, *, instead_of: x509.Certificate | None) -> None:
        self._faults.moment()
        with self._lock:
            known = self.sealed.get(name)
            if (known.chain[0] if known is not None else None) != instead_of:
                raise Conflict(f"key {name.role}/{name.key_id} is there already, or changed")
            self.sealed[name] = sealed
        self._faults.moment()

    def chain(self, name: KeyName) -> tuple[x509.Certificate, ...] | None:
        """The certificates of a key; see the port."""
        self._faults.moment()
        sealed = self.sealed.get(name)
        return sealed.chain if sealed is not None else None

    def open(self, name: KeyName) -> SealedKey | None:
        """The key of a name; see the port."""
        self._faults.moment()
        return self.sealed.get(name)


_vault: type[KeyVault] = MemoryVault


class MemoryIssuerKeys:
    """The issuing keys of a function, by id."""

    def __init__(self, *issuers: Issuer) -> None:
        self._issuers = {issuer.key_id: issuer for issuer in issuers}

    def issuer(self, key_id: str, certificate: x509.Certificate) -> Issuer:
        """The issuing key of an intermediate; see the port."""
        known = self._issuers.get(key_id)
        if known is None:
            raise Unavailable(f"the issuing key {key_id} is not in the key store")
        issuer = Issuer(key_id, certificate, known.private_key)
        issuer.check()
        return issuer


_issuer_keys: type[IssuerKeys] = MemoryIssuerKeys
