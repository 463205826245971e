"""A small client of the Docker Engine's API, from the standard library.

It is used before any package is installed. The lessons use docker-py.
"""

import http.client
import json
import os
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from classroom import system

SECONDS = 3  # how long an Engine may take to say that it is there


class RefusedError(Exception):
    """The Engine answered, and said no; the text is its reason."""


class Engine:
    """An Engine behind a socket.

    Its methods raise `OSError` (such as `FileNotFoundError`, `ConnectionRefusedError`,
    `PermissionError`, `TimeoutError`) if nobody answers, and `RefusedError` if it says no.
    """

    def __init__(self, host, certificates=None):
        """Name an Engine; nothing is asked yet.

        Args:
            host: `unix:///path` or `tcp://name:port`.
            certificates: The folder with ca.pem, cert.pem and key.pem, for TLS.
        """
        self.host = host
        self.certificates = certificates

    def version(self):
        """Return the Engine's version, such as `20.10.24`."""
        return self._json("GET", "/version")["Version"]

    def mirrors(self):
        """Return the registry mirrors that the Engine was given, without a slash at the end."""
        mirrors = self._json("GET", "/info")["RegistryConfig"].get("Mirrors") or []
        return [mirror.rstrip("/") for mirror in mirrors]

    def reaches_docker_hub(self, seconds):
        """Whether the Engine gets an answer from Docker Hub's search within some seconds."""
        try:
            self._ask("GET", "/images/search?term=busybox&limit=1", seconds)
        except (OSError, RefusedError):
            return False
        return True

    def has_image(self, name):
        """Whether the Engine has an image of this name."""
        try:
            self._ask("GET", f"/images/{quote(name)}/json")
        except RefusedError:
            return False
        return True

    def pull(self, name):
        """Pull `host:port/repository:tag` and wait until it is there."""
        image, _, tag = name.rpartition(":")
        asked = urlencode({"fromImage": image, "tag": tag})
        for line in self._ask("POST", f"/images/create?{asked}", 300).splitlines():
            message = json.loads(line)
            if "errorDetail" in message:
                raise RefusedError(message["errorDetail"].get("message", message.get("error")))

    def tag(self, name, new):
        """Give an image a second name, `repository:tag`."""
        repository, _, tag = new.rpartition(":")
        self._ask(
            "POST", f"/images/{quote(name)}/tag?{urlencode({'repo': repository, 'tag': tag})}"
        )

    def untag(self, name):
        """Take one of its names from an image that has another one too."""
        self._ask("DELETE", f"/images/{quote(name)}?noprune=true", 60)

    def _json(self, method, path):
        return json.loads(self._ask(method, path))

    def _ask(self, method, path, seconds=SECONDS):
        connection = _Connection(self.host, self.certificates, seconds)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"the answer is no HTTP ({error!r})") from error
        finally:
            connection.close()
        if response.status >= 400:
            try:
                reason = json.loads(body)["message"]
            except (ValueError, KeyError, TypeError):
                reason = body.decode(errors="replace").strip() or response.reason
            raise RefusedError(reason)
        return body


class _Connection(http.client.HTTPConnection):
    def __init__(self, host, certificates, seconds):
        self.address = urlsplit(host)
        self.certificates = certificates
        super().__init__(self.address.hostname or "localhost", timeout=seconds)

    def connect(self):
        if self.address.scheme == "unix":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.address.path)
            return
        place = (self.address.hostname, self.address.port or (2376 if self.certificates else 2375))
        self.sock = socket.create_connection(place, self.timeout)
        if self.certificates:
            folder = Path(self.certificates)
            context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
            self.sock = context.wrap_socket(self.sock, server_hostname=self.address.hostname)


class WindowsEngine:
    """The Engine behind a Windows pipe, asked through the docker command.

    Python's standard library does not speak to such pipes.
    """

    def __init__(self, host):
        """Name an Engine; nothing is asked yet."""
        self.host = host

    def version(self):
        """Return the Engine's version."""
        return self._docker(10, "version", "--format", "{{.Server.Version}}")

    def mirrors(self):
        """Return the registry mirrors that the Engine was given, without a slash at the end."""
        info = json.loads(self._docker(10, "info", "--format", "{{json .RegistryConfig}}"))
        return [mirror.rstrip("/") for mirror in info.get("Mirrors") or []]

    def reaches_docker_hub(self, seconds):
        """Whether the Engine gets an answer from Docker Hub's search within some seconds."""
        try:
            self._docker(seconds, "search", "--limit", "1", "busybox")
        except OSError:
            return False
        return True

    def _docker(self, seconds, *arguments):
        command = ["docker", "--host", self.host, *arguments]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(str(error)) from error
        if result.returncode:
            raise ConnectionError(result.stderr.strip())
        return result.stdout.strip()


def at(host, certificates=None):
    """Return the client for an address as `DOCKER_HOST` has it.

    Raises:
        ValueError: The address is of a kind that is not known here.
    """
    scheme = urlsplit(host).scheme
    if scheme == "npipe":
        return WindowsEngine(host)
    if scheme not in ("unix", "tcp", "http", "https"):
        raise ValueError(
            f"{host} begins with {scheme or 'nothing'}:, and the lessons speak unix: and tcp:"
        )
    if not certificates and os.environ.get("DOCKER_TLS_VERIFY"):
        certificates = os.environ.get("DOCKER_CERT_PATH", system.home() / ".docker")
    return Engine(host, certificates)
