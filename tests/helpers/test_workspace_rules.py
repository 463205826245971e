"""What belongs to a learner: name, prefix, ownership, folder, ports."""

import contextlib
import getpass
import hashlib
import os
import pwd
import re
import socket
import subprocess
import sys

import pytest

from helpers import workspace
from helpers._internal import errors, identity, ports
from helpers.workspace import Text


@pytest.fixture
def name(monkeypatch):
    """Return a function that names the workspace in an environment."""

    def called(user="somebody", **environment):
        for key in ("WORKSPACE", "JUPYTERHUB_USER"):
            monkeypatch.delenv(key, raising=False)
        for key, value in environment.items():
            monkeypatch.setenv(key, value)

        def getuser():
            if isinstance(user, type):
                raise user("no user")
            return user

        monkeypatch.setattr(getpass, "getuser", getuser)
        workspace.name.cache_clear()
        return workspace.name()

    yield called
    workspace.name.cache_clear()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WORKSPACE": "ada"}, "ada"),
        ({"WORKSPACE": "ada", "JUPYTERHUB_USER": "bob"}, "ada"),
        ({"WORKSPACE": "", "JUPYTERHUB_USER": "bob"}, "learner-bob"),
        ({"JUPYTERHUB_USER": "bob"}, "learner-bob"),
        ({"JUPYTERHUB_USER": ""}, "learner-somebody"),
        ({}, "learner-somebody"),
        ({"WORKSPACE": "50"}, "50"),
        ({"WORKSPACE": "learner-m-ller_3a52ab"}, "learner-m-ller_3a52ab"),
        # the hashes are those of `printf NAME | sha256sum`
        ({"JUPYTERHUB_USER": "Ada"}, "learner-ada_HASH"),
        ({"WORKSPACE": "Ada Lovelace"}, "ada-lovelace_HASH"),
        ({"WORKSPACE": "--a__b..c--"}, "a-b-c_HASH"),
        ({"JUPYTERHUB_USER": "张伟"}, "learner-name_HASH"),
        ({"JUPYTERHUB_USER": "m-ller_3a52ab"}, "learner-m-ller-3a52ab_HASH"),
    ],
)
def test_the_name(name, environment, expected):
    exact = [*environment.values(), ""][0].encode()
    expected = expected.replace("HASH", hashlib.sha256(exact).hexdigest()[:6])
    assert name(**environment) == expected


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_without_a_user_the_user_s_number_is_the_name(name, error):
    """`getpass` raises KeyError before Python 3.13, OSError since."""
    assert name(user=error) == f"learner-{os.getuid()}" == name(user=error)


def test_a_user_whom_the_system_does_not_know_has_a_name(monkeypatch):
    """As in a container that runs under a number."""
    for key in ("WORKSPACE", "JUPYTERHUB_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(key, raising=False)

    def getpwuid(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    workspace.name.cache_clear()
    assert workspace.name() == f"learner-{os.getuid()}"
    workspace.name.cache_clear()


PEOPLE = [
    *("müller", "möller", "m-ller", "mu\u0308ller", "a.b@uni", "a_b@uni", "a-b-uni", "A-b-uni"),
    *("a" * 40, "a" * 41, "a" * 42, f"{'a' * 40}-b", "张伟", "王伟", "root", "-", "--", " ", "\n"),
    *("ada", "Ada", "ADA", "ada-2", "ada_2", "ada-", "50", "٥0", "name", "\udcff", "\udcfe"),
]


def test_different_people_have_different_names(name):
    for variable in ("JUPYTERHUB_USER", "WORKSPACE"):
        found = {name(**{variable: one}) for one in PEOPLE}
        assert len(found) == len(PEOPLE)


def test_a_person_has_the_same_name_in_each_kernel():
    code = "from helpers import workspace; print(workspace.name())"
    for who in ("张伟", "Müller"):
        environment = os.environ | {"JUPYTERHUB_USER": who, "PYTHONHASHSEED": "random"}
        environment.pop("WORKSPACE", None)
        command = [sys.executable, "-c", code]
        names = [subprocess.check_output(command, env=environment, text=True) for _ in range(2)]
        assert names[0] == names[1] and re.match(r"learner-\S+_[0-9a-f]{6}\n", names[0])


@pytest.mark.parametrize("wanted", [*PEOPLE, "a" * 300, "ÄDA/../x", "x\ny", "-a"])
def test_whatever_it_is_called_docker_takes_the_name(name, wanted):
    for environment in ({"WORKSPACE": wanted}, {"JUPYTERHUB_USER": wanted}):
        found = name(**environment)
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*(_[a-z0-9]+)?", found)
        assert len(found) <= 100  # an image's whole name has 255 letters at most


def test_the_prefix_is_put_once(ada):
    assert workspace.prefixed("web") == "ada-web"
    assert workspace.prefixed("ada-web") == "ada-web"
    assert workspace.prefixed("adas") == "ada-adas"
    assert workspace.prefixed("ada") == "ada-ada"
    assert workspace.prefixed(5) == "ada-5"
    assert workspace.label() == "lesson=ada"


@pytest.mark.parametrize(
    ("reference", "ours"),
    [
        ("ada/hello:1", True),
        ("ada/hello", True),
        ("127.0.0.1:5052/ada/hello:1", True),
        ("docker.io/ada/hello", True),
        ("localhost:5052/ada/hello:1", True),
        ("127.0.0.1:5052/class/ada/hello", False),
        ("ghcr.io/ada/hello:1", False),
        ("company:5000/ada/hello:1", False),
        ("127.0.0.1.nip.io:5000/ada/hello", False),
        ("localhost/ada/hello", False),
        ("hello", False),
        ("ada", False),
        ("ada:1", False),
        ("busybox:ada", False),
        ("x/ada", False),
        ("adam/hello", False),
        ("x-ada/hello", False),
        ("Ada/hello", False),
        ("<none>:<none>", False),
        ("bob/hello:ada/x", False),
    ],
)
def test_whose_a_name_of_an_image_is(ada, reference, ours):
    assert identity.owns_tag(reference) is ours


@pytest.mark.parametrize(
    ("labels", "ours"),
    [
        ({"lesson": "ada"}, True),
        ({"lesson": "ada", "x": "y"}, True),
        ({"lesson": "adam"}, False),
        ({"lesson": ""}, False),
        ({"other": "ada"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_whose_a_container_is(ada, labels, ours):
    assert identity.owns({"Config": {"Labels": labels}, "Name": "/ada-web"}) is ours


@pytest.mark.parametrize(
    ("name", "image", "ours"),
    [
        ("prod", "plain", True),
        ("prod", "labelled", False),
        ("prod", "gone", False),
        ("ada-web", "labelled", True),
        ("adam-web", "labelled", False),
    ],
)
def test_an_image_passes_the_label_on(ada, name, image, ours):
    one = {"Config": {"Labels": {"lesson": "ada"}}, "Name": f"/{name}", "Image": image}
    assert identity.owns(one, {"plain": False, "labelled": True}) is ours


def test_files_lie_in_one_folder(in_tmp):
    assert workspace.file("busybox.tar").as_posix() == "files/ada/busybox.tar"
    assert workspace.file("files/busybox.tar").as_posix() == "files/ada/busybox.tar"
    assert workspace.file("../../etc/passwd").as_posix() == "files/ada/passwd"
    assert workspace.file("/etc/passwd").as_posix() == "files/ada/passwd"
    assert workspace.file(5).as_posix() == "files/ada/5"
    (in_tmp / "files/ada").rmdir()
    workspace.file("x")
    assert (in_tmp / "files/ada").is_dir()


@contextlib.contextmanager
def listening(port=0):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_is_replaced_by_the_next_free_one():
    with listening() as busy:
        found = ports.free_port(busy)
        assert busy < found < busy + 100
        with listening(found):
            assert ports.free_port(busy) > found


def test_a_free_port_is_taken_as_it_is():
    with listening() as port:
        pass
    assert ports.free_port(port) == port
    with listening(port):  # nothing holds it
        pass


def test_a_port_that_listens_on_every_address_is_busy_too():
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        assert ports.free_port(listener.getsockname()[1]) != listener.getsockname()[1]


def test_only_busy_ports_are_an_error(monkeypatch):
    class Busy(socket.socket):
        tried = []

        def bind(self, address):
            self.tried.append(address)
            raise OSError(98, "Address already in use")

    monkeypatch.setattr(ports.socket, "socket", Busy)
    with pytest.raises(errors.Conflict):
        ports.free_port(5000)
    assert Busy.tried == [("127.0.0.1", port) for port in range(5000, 5300)]


def test_a_port_is_kept_from_others_until_something_listens_on_it():
    with listening() as port:
        pass
    found = ports.on_free_port(port, lambda first: (first, ports.free_port(first)))
    assert found[0] == port < found[1]
    assert ports.free_port(port) == port


def test_a_port_of_what_makes_room_is_as_good_as_free():
    with listening() as busy:
        assert ports.on_free_port(busy, lambda port: port, own=[busy]) == busy
        assert ports.on_free_port(busy, lambda port: port) > busy


@pytest.mark.parametrize("port", [65536, 70000, -1])
def test_a_number_that_is_no_port_is_an_error_of_the_family(port):
    with pytest.raises(errors.LessonError):
        ports.free_port(port)


def test_text_is_shown_as_it_is():
    from IPython.lib.pretty import pretty

    assert pretty(Text("a\n'b'\n")) == "a\n'b'"
    assert Text("a") == "a"
