"""A learner's pod of the cluster, run by docker with the rights that its manifest gives it."""

import time
import uuid

import pytest

from tests.deploy.conftest import docker
from tests.deploy.test_kubernetes import manifests, merged_values

UNCONFINED = {"seccompProfile": "seccomp", "appArmorProfile": "apparmor"}


class Pod:
    """The containers of a pod, in one network namespace as Kubernetes has them."""

    def __init__(self, manifest, image):
        self.name, self.image = f"pod-test-{uuid.uuid4().hex[:6]}", image
        self.spec = manifest["spec"]
        self.volumes = [volume["name"] for volume in self.spec["volumes"]]

    def start(self):
        """Make the volumes as `fsGroup` leaves them, and start the containers in their order."""
        group = self.spec["securityContext"]["fsGroup"]
        own = f"chown root:{group} /at && chmod 2777 /at"
        for name in self.volumes:
            docker("run", "--rm", "--network=none", "--entrypoint=sh",
                   self._mount({"name": name, "mountPath": "/at"}), self.image, "-c", own)
        docker("run", "--detach", "--name", self.name, "--dns=127.0.0.1", "--entrypoint=sleep",
               self.image, "infinity")  # fmt: skip
        (engine,), (lab,) = self.spec["initContainers"], self.spec["containers"]
        self._run(engine)
        self._wait("engine", *engine["startupProbe"]["exec"]["command"])
        self._run(lab)
        self._wait("notebook", "curl", "--fail", "--silent", "http://127.0.0.1:8888/api")

    def sh(self, line):
        """Run a line in a shell in the notebooks' container, as the learner."""
        return docker("exec", f"{self.name}-notebook", "sh", "-c", line)

    def close(self):
        made = [f"{self.name}-notebook", f"{self.name}-engine", self.name]
        docker("rm", "--force", "--volumes", *made, check=False)
        docker("volume", "rm", "--force", *(f"{self.name}-{one}" for one in self.volumes),
               check=False)  # fmt: skip

    def _run(self, container):
        command = [*container.get("command", []), *container.get("args", [])]
        # There is no hub here, and without its variables this is the JupyterLab of a laptop.
        env = {one["name"]: one["value"] for one in container.get("env", [])
               if not one["name"].startswith("JUPYTERHUB")}  # fmt: skip
        limits = container["resources"]["limits"]
        docker("run", "--detach", "--name", f"{self.name}-{container['name']}",
               f"--network=container:{self.name}", "--cgroupns=private",
               f"--memory={str(limits['memory']).replace('Gi', 'g')}", f"--cpus={limits['cpu']}",
               *self._rights(container["securityContext"]),
               *(self._mount(mount) for mount in container["volumeMounts"]),
               *(f"--env={name}={value}" for name, value in env.items()),
               f"--entrypoint={command[0]}", self.image, *command[1:])  # fmt: skip

    def _mount(self, mount):
        return (f"--mount=type=volume,volume-nocopy,source={self.name}-{mount['name']},"
                f"target={mount['mountPath']}")  # fmt: skip

    def _rights(self, security):
        # The number alone lets docker add the groups of /etc/group, as Kubernetes does.
        yield f"--user={security['runAsUser']}"
        for which in ("drop", "add"):
            for name in security["capabilities"].get(which, ()):
                yield f"--cap-{which}={name}"
        if security.get("allowPrivilegeEscalation") is False:
            yield "--security-opt=no-new-privileges"
        for key, name in UNCONFINED.items():
            if security.get(key) == {"type": "Unconfined"}:
                yield f"--security-opt={name}=unconfined"

    def _wait(self, container, *command):
        name, end = f"{self.name}-{container}", time.monotonic() + 60
        while docker("exec", name, "sh", "-c", f"{' '.join(command)} > /dev/null || echo no",
                     check=False).endswith("no"):  # fmt: skip
            assert time.monotonic() < end, docker("logs", name)
            time.sleep(0.2)


@pytest.fixture(scope="module")
def pod(course):
    manifest, _ = manifests(merged_values("closed"))
    one = Pod(manifest, course)
    try:
        one.start()
        yield one
    finally:
        one.close()


def test_a_learner_uses_the_engine_beside_and_has_no_rights(pod):
    assert pod.sh("id --user --name") == "learner"
    assert pod.sh("grep CapBnd /proc/self/status").split()[1].strip("0") == ""
    assert pod.sh("pidof dockerd || true") == ""
    assert pod.sh("docker run --quiet --rm busybox echo a container") == "a container"


def test_a_published_port_is_on_the_learners_loopback(pod):
    pod.sh("docker run --quiet --detach --publish 127.0.0.1:8099:80 busybox httpd -f")
    assert pod.sh("curl --silent --output /dev/null --retry 9 --retry-all-errors "
                  "--write-out '%{http_code}' http://127.0.0.1:8099/") == "404"  # fmt: skip


def test_a_folder_of_the_learner_is_mounted_into_a_container(pod):
    pod.sh("mkdir -p notebooks/files && echo mine > notebooks/files/note")
    mount = "--volume /course/notebooks/files:/files"
    assert pod.sh(f"docker run --quiet --rm {mount} busybox cat /files/note") == "mine"


def test_the_engines_store_is_its_own_and_not_the_groups(pod):
    """`fsGroup` sets the group's bit on a volume; a layer must not inherit it."""
    root = "docker run --quiet --rm busybox stat -c '%A %U %G' /"
    assert pod.sh(root) == "drwxr-xr-x root root"
    assert pod.sh("ls -d notebooks/01-registry.ipynb") == "notebooks/01-registry.ipynb"


def test_the_pods_limit_of_memory_holds_for_the_learners_containers(pod):
    hog = "docker run --quiet --rm busybox sh -c 'head -c 1200m /dev/zero | tail > /dev/null'"
    assert pod.sh(f"{hog} > /dev/null 2>&1; echo $?") == "137"
    assert pod.sh("docker run --quiet --rm busybox echo the Engine goes on") == "the Engine goes on"
