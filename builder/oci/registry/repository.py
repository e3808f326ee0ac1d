"""A registry, asked over HTTP. Source: OCI distribution specification 1.1.

Manifests and blobs are known by their digests, which are checked, so that neither a registry nor what stands
between is trusted with more than being there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from builder.oci.registry.reference import Reference
from builder.oci.store.blobs import INDEX, MANIFEST, Blobs, Descriptor
from builder.oci.store.compress import CHUNK
from envspec.supply.http import TIMEOUT
from envspec.system.errors import OutsideError

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

_ACCEPT = f"{INDEX}, {MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"
_LARGEST = 16 << 20
_FIELD = re.compile(r'(\w+)="([^"]*)"')

Credentials = Callable[[str], tuple[str, str] | None]
"""User and secret for a registry's name; None where there are none."""


class BlobBody:
    """A blob as the body of a request: read anew whenever it is sent, and of known length."""

    def __init__(self, blob: Descriptor, blobs: Blobs) -> None:
        self._blob = blob
        self._blobs = blobs

    def __len__(self) -> int:
        return self._blob.size

    def __iter__(self) -> Iterator[bytes]:
        return self._blobs.chunks(self._blob)


class Registry:
    """One repository of one registry."""

    def __init__(self, reference: Reference, session: requests.Session, credentials: Credentials) -> None:
        self._reference = reference
        self._session = session
        self._credentials = credentials
        self._token: str | None = None
        self._asked = ""
        """What the token was asked for with: a registry wants another one for writing than for reading."""
        self._base = f"{reference.address}/v2/{reference.repository}"

    def manifest(self, target: str) -> tuple[Descriptor, dict[str, Any]]:
        """What stands behind a tag or a digest, and its document. Raises `OutsideError`."""
        with self._ask("GET", f"/manifests/{target}", headers={"Accept": _ACCEPT}) as answer:
            return self._read(answer, target)

    def find(self, target: str) -> tuple[Descriptor, dict[str, Any]] | None:
        """The same; None where nothing bears that name. Raises `OutsideError`."""
        with self._ask("GET", f"/manifests/{target}", headers={"Accept": _ACCEPT}, missing_ok=True) as answer:
            return self._read(answer, target) if answer.ok else None

    def document(self, blob: Descriptor) -> dict[str, Any]:
        """A small blob that is a document, such as an image's configuration. Raises `OutsideError`."""
        with self._ask("GET", f"/blobs/{blob.digest}") as answer:
            return self._read(answer, blob.digest)[1]

    def _read(self, answer: requests.Response, target: str) -> tuple[Descriptor, dict[str, Any]]:
        body = b""
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > _LARGEST:
                raise self._wrong("its manifest is too large")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if target.startswith("sha256:") and target != digest:
            raise self._wrong("what it serves is not what was asked for (the digest differs)")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._wrong("its manifest cannot be read") from error
        if not isinstance(document, dict):
            raise self._wrong("its manifest cannot be read")
        media = str(document.get("mediaType") or answer.headers.get("Content-Type", ""))
        return Descriptor(media=media, digest=digest, size=len(body)), document

    def pull(self, blob: Descriptor, blobs: Blobs) -> None:
        """Bring a blob into the store, unless it is there. Raises `OutsideError`."""
        if blobs.has(blob):
            return
        digest = hashlib.sha256()
        with blobs.incoming() as stream, self._ask("GET", f"/blobs/{blob.digest}") as answer:
            try:
                for chunk in answer.iter_content(CHUNK):
                    digest.update(chunk)
                    stream.write(chunk)
            except requests.RequestException as error:
                raise self._wrong(f"a layer did not arrive ({type(error).__name__})") from error
            if f"sha256:{digest.hexdigest()}" != blob.digest:
                raise self._wrong("a layer is not what its manifest says (the digest differs)")
            blobs.keep(stream, blob.digest)

    def has(self, blob: Descriptor) -> bool:
        """Whether the repository holds the blob."""
        with self._ask("HEAD", f"/blobs/{blob.digest}", missing_ok=True) as answer:
            return answer.ok

    def push(self, blob: Descriptor, blobs: Blobs) -> None:
        """Send a blob. Raises `OutsideError`."""
        with self._ask("POST", "/blobs/uploads/") as answer:
            place = requests.compat.urljoin(answer.url, answer.headers.get("Location", ""))
        place += f"{'&' if '?' in place else '?'}digest={blob.digest}"
        headers = {"Content-Type": "application/octet-stream"}
        with self._ask("PUT", place, headers=headers, body=BlobBody(blob, blobs)):
            pass

    def tag(self, manifest: Descriptor, blobs: Blobs, name: str) -> bool:
        """Send a manifest under a tag or its digest; tells whether the registry understood what it refers to.

        Raises `OutsideError`.
        """
        headers = {"Content-Type": manifest.media}
        body = BlobBody(manifest, blobs)
        with self._ask("PUT", f"/manifests/{name}", headers=headers, body=body) as answer:
            return "OCI-Subject" in answer.headers

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: BlobBody | None = None,
        missing_ok: bool = False,
    ) -> requests.Response:
        """One request, with the token that the registry wants once it said so."""
        answer = self._send(method, path, headers or {}, body)
        wanted = answer.headers.get("WWW-Authenticate", "")
        if answer.status_code == requests.codes.unauthorized and wanted != self._asked:
            with answer:
                self._asked = wanted
                self._token = self._authorise(answer)
            answer = self._send(method, path, headers or {}, body)
        if answer.ok or (missing_ok and answer.status_code == requests.codes.not_found):
            return answer
        with answer:
            raise self._refused(answer.status_code)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: BlobBody | None
    ) -> requests.Response:
        address = path if "://" in path else self._base + path
        own = address.startswith(f"{self._reference.address}/")
        extra = {"Authorization": self._token} if self._token and own else {}
        try:
            return self._session.request(
                method,
                address,
                headers={"Accept-Encoding": "identity", **headers, **extra},
                data=body,
                stream=True,
                timeout=TIMEOUT,
            )
        except requests.RequestException as error:
            raise self._wrong(f"it cannot be reached ({type(error).__name__})") from error

    def _authorise(self, answer: requests.Response) -> str:
        """What to send as `Authorization`. Source: the distribution specification's token authentication."""
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        known = self._credentials(self._reference.host)
        if kind.lower() == "basic" and known:
            return f"Basic {base64.b64encode(':'.join(known).encode()).decode()}"
        fields = dict(_FIELD.findall(rest))
        if kind.lower() != "bearer" or not fields.get("realm", "").startswith(("https://", "http://")):
            raise self._refused(answer.status_code)
        query = {key: fields[key] for key in ("service", "scope") if key in fields}
        try:
            said = self._session.get(fields["realm"], params=query, auth=known, timeout=TIMEOUT)
            said.raise_for_status()
            token = said.json()
            return f"Bearer {token.get('token') or token['access_token']}"
        except (requests.RequestException, ValueError, KeyError, AttributeError) as error:
            raise self._refused(answer.status_code) from error

    def _refused(self, status: int) -> OutsideError:
        if status in (401, 403):
            hint = f"`docker login {self._reference.host}` first; docker's own credentials are used"
            return self._wrong("it does not let us in", hint)
        if status == requests.codes.not_found:
            return self._wrong("it has no such image", "is the name right, and pushed?")
        return self._wrong(f"it said {status}")

    def _wrong(self, problem: str, hint: str = "") -> OutsideError:
        name = f"{self._reference.host}/{self._reference.repository}"
        return OutsideError(f"{name}: {problem}", hint=hint or "is the registry reachable? run again")
