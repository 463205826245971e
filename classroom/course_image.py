"""The course as one image: `deploy/Dockerfile`, built by the docker command."""

import subprocess
import tomllib

from classroom import engine, system
from classroom.errors import ClassroomError
from classroom.paths import ROOT

PORT = 8888  # of JupyterLab, in the container and published
# What is enough in place of --privileged, in the words of docker-py.
RIGHTS = {
    "cap_add": ["SYS_ADMIN", "NET_ADMIN"],
    "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
    "cgroupns": "private",
}


def names():
    """Return the image's names, without a tag and with the version, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [project["name"], f"{project['name']}:{project['version']}"]


def run_line():
    """Return the command line that starts the course, with the learner's work in two volumes."""
    return (
        f"docker run --privileged --name course --stop-timeout 60 -p 127.0.0.1:{PORT}:{PORT} "
        f"-v course-notebooks:/course/notebooks -v course-engine:/var/lib/docker {names()[0]}"
    )


def rights():
    """Return `RIGHTS` as options of `docker run`, a list of str."""
    each = {"cap-add": RIGHTS["cap_add"], "security-opt": RIGHTS["security_opt"],
            "cgroupns": [RIGHTS["cgroupns"]]}  # fmt: skip
    return [f"--{option}={value}" for option, values in each.items() for value in values]


def build(options):
    """Build the image; what docker says is seen.

    Args:
        options: More options for `docker build`, a list of str.

    Raises:
        ClassroomError: There is no docker command or no Engine, or the build failed.
    """
    docker = system.find_program("docker")
    if docker is None or engine.find() is None:
        raise ClassroomError(
            "The image of the course was to be built, and there is "
            f"{'no docker command' if docker is None else 'no Docker Engine that answers'}; "
            "`python3 -m classroom lab` sets up both, then run the command again."
        )
    tags = [word for name in names() for word in ("--tag", name)]
    command = [docker, "build", "--file", "deploy/Dockerfile", *tags, *options, "."]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise ClassroomError(
            "The image of the course was to be built and docker could not, see above; mend that, "
            "which is most often the network, and run the command again."
        )
