"""The course's image, built once from a base that the distribution's packages make."""

import os
import shutil
import ssl
import subprocess
import sys
import time

import pytest

from classroom import course_image, system
from classroom.paths import ROOT

BASE = "debian:13-slim"  # cannot be pulled where Docker Hub is out of reach
SUITE = ("trixie", "deb http://deb.debian.org/debian trixie main")
NARROW = course_image.rights()  # what is enough where `--privileged` cannot be had


def docker(*words, check=True, **settings):
    """Run a docker command; returns what it printed, without the last line's end."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, **settings)
    assert not check or done.returncode == 0, f"docker {words}\n{done.stdout}{done.stderr}"
    return (done.stdout + done.stderr).rstrip("\n")


def _has(image):
    return bool(docker("images", "--quiet", image))


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The base image under its name; one that was there already is used and stays."""
    if _has(BASE):
        yield BASE
        return
    if not shutil.which("mmdebstrap"):
        system.install(["mmdebstrap"], "A Debian root, for the tests", yes=True)
    folder = tmp_path_factory.mktemp("base")
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", SUITE[0],
         str(folder / "root.tar"), SUITE[1]], capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    # The build trusts whom this machine trusts.
    shutil.copy(ssl.get_default_verify_paths().cafile, folder / "trusted.crt")
    docker("import", str(folder / "root.tar"), f"{BASE}-plain")
    (folder / "root.tar").unlink()
    trusted = "/usr/local/share/trusted.crt"
    (folder / "Dockerfile").write_text(
        f"FROM {BASE}-plain\nCOPY trusted.crt {trusted}\n"
        "RUN echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/docker-apt-speedup\n"  # as Docker Hub's
        f"ENV SSL_CERT_FILE={trusted} PIP_CERT={trusted}\n"
    )
    docker("build", "--tag", BASE, str(folder))
    yield BASE
    docker("rmi", BASE, f"{BASE}-plain", check=False)


@pytest.fixture(scope="session")
def course(base, tmp_path_factory):
    """The image's name, built by `python3 -m classroom image` and come out of its saved tar."""
    names = course_image.names()
    taken = [name for name in names if _has(name)]
    assert not taken, f"{taken} are here, and the tests would take their names"
    command = [sys.executable, "-m", "classroom", "image", "--network=host"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert course_image.run_line() in built.stdout
    try:
        yield _from_tar(names, tmp_path_factory.mktemp("bundle") / "course.tar")
    finally:
        docker("rmi", "--force", *names, check=False)


def _from_tar(names, tar):
    """Save the image, remove it, and load it: so it comes to a room with no network."""
    docker("save", "--output", str(tar), *names)
    docker("rmi", *names)
    docker("load", "--input", str(tar))
    tar.unlink()
    return names[0]


class Course:
    """A container of the course, and the volumes that it keeps the learner's work in."""

    def __init__(self, name, image):
        self.name, self.image = name, image
        self.volumes = [f"{name}-notebooks", f"{name}-engine"]

    def run(self, *options, narrow=NARROW):
        """Start it where no name is resolved, and wait until JupyterLab answers in it."""
        at = zip(self.volumes, ("/course/notebooks", "/var/lib/docker"), strict=True)
        kept = [f"--volume={volume}:{folder}" for volume, folder in at]
        docker("run", "--detach", "--name", self.name, "--publish=127.0.0.1::8888",
               "--stop-timeout=60", "--dns=127.0.0.1", *narrow, *kept, *options,
               self.image)  # fmt: skip
        self.wait()

    def wait(self):
        """Wait until JupyterLab answers."""
        end = time.monotonic() + 60
        while '"version"' not in docker("exec", self.name, "curl", "-s", "http://127.0.0.1:8888/api",
                                        check=False):  # fmt: skip
            assert time.monotonic() < end, docker("logs", self.name)
            time.sleep(0.2)

    def sh(self, line, check=True):
        """Run a line in a shell in the course, as the learner."""
        inside = ("--user=learner", "--env=HOME=/home/learner", "--env=CLASSROOM=on")
        return docker("exec", *inside, self.name, "sh", "-c", line, check=check)

    def address(self):
        """Return JupyterLab's address, with its token, as seen from outside."""
        port = docker("port", self.name, "8888").rpartition(":")[2]
        logs = docker("logs", self.name)
        token = logs.rpartition("?token=")[2].split()[0]
        return f"http://127.0.0.1:{port}/lab/tree/notebooks/01-registry.ipynb?token={token}"

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, check=False)

    def close(self):
        self.remove()
        docker("volume", "rm", "--force", *self.volumes, check=False)


@pytest.fixture(scope="session")
def running(course):
    """A container of the course that runs."""
    one = Course(f"course-test-{os.getpid()}", course)
    try:
        one.run()
        yield one
    finally:
        one.close()
