"""JupyterHub's configuration for a room: a container of the course for each learner.

`python3 -m classroom hub` tells it of the room. To change something, begin a file of your own with
`load_subconfig("…/deploy/hub/jupyterhub_config.py")`, and start `python3 -m classroom hub -f FILE`.
"""

import asyncio
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor

from dockerspawner import DockerSpawner
from jupyterhub.utils import exponential_backoff

from classroom import course_image, files, room, slides
from classroom.paths import ROOT

c = get_config()  # noqa: F821 - JupyterHub gives it
opened = files.read_json(room.ROOM)
GRID = f"http://{opened['gateway']}:10101"  # learners' kernels reach it there

# Who may come in. Whoever has the shared password may come in by any name.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = opened["password"]
c.SharedPasswordAuthenticator.admin_password = opened["instructor_password"]
c.Authenticator.admin_users = {"instructor"}
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"[\w.@+ -]{1,40}\Z"
c.JupyterHub.active_server_limit = 100


class CourseSpawner(DockerSpawner):
    """Starts a container, and waits for its server: the hub asks every five seconds at last."""

    async def start(self):
        where = await super().start()
        late = f"{self.user.name}: no server has answered within {self.http_timeout} s"
        await exponential_backoff(listens, late, max_wait=0.5, timeout=self.http_timeout, at=where)
        return where


async def listens(at):
    """Return whether a server takes connections at an address, a tuple of host and port."""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(*at)
            writer.close()
            return True


# What a learner gets, and at most. The volumes stay when the container goes.
c.JupyterHub.spawner_class = CourseSpawner
DockerSpawner._executor = ThreadPoolExecutor(16)  # its own is one: who stops keeps others waiting
c.DockerSpawner.image = course_image.names()[1]
c.DockerSpawner.name_template = f"{room.NAME}-{{username}}"
c.DockerSpawner.volumes = {
    f"{room.NAME}-{{username}}-notebooks": "/course/notebooks",
    f"{room.NAME}-{{username}}-engine": "/var/lib/docker",
}
c.DockerSpawner.mem_limit = "1500M"
c.DockerSpawner.cpu_limit = 2
c.DockerSpawner.extra_create_kwargs = {
    "labels": {room.NAME: "learner"},
    "stop_timeout": 60,
    "healthcheck": {"test": ["NONE"]},  # the hub asks each server itself
}
c.DockerSpawner.extra_host_config = {**course_image.RIGHTS, "pids_limit": 2000}
c.DockerSpawner.remove = True
c.DockerSpawner.network_name = room.NAME
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.start_timeout, c.DockerSpawner.http_timeout = 150, 120
c.Spawner.environment = {
    "CLASSROOM": opened["sources"],
    "CLASSROOM_MIRROR": opened["mirror"],
    "WORKSPACE": lambda spawner: spawner.user.name,
    "CLASSROOM_ROOM": f"{GRID}/services/room/",
}

# An instructor may open a lesson as slides, for all to see.
COURSE = ["python3", "deploy/course.py"]
LESSONS = {"": "the lessons", "1": "slides of lesson 1", "2": "slides of lesson 2",
           "3": "slides of lesson 3"}  # fmt: skip


def ask(spawner):
    """Return the form that an instructor starts a server with, and none for a learner."""
    options = "".join(f'<option value="{word}">{text}</option>' for word, text in LESSONS.items())
    form = f'<label for="lesson">Open</label> <select name="lesson" id="lesson">{options}</select>'
    return form if spawner.user.admin else ""


def choose(spawner, options):
    """Let the server do what the form says; anybody may send anything as options."""
    lesson = options.get("lesson")
    if spawner.user.admin and lesson in ("1", "2", "3"):
        spawner.cmd = [*COURSE, "present", lesson]
        spawner.default_url = f"/doc/tree/notebooks/{slides.find_lesson(lesson).name}"
    else:
        spawner.cmd = [*COURSE, "lab"]
        spawner.default_url = "/lab/tree/notebooks/01-registry.ipynb"


c.Spawner.options_form = ask
c.Spawner.options_from_form = "simple"
c.Spawner.apply_user_options = choose

# Where it listens. The hub's own doors are for the learners' containers, and for no other network.
c.JupyterHub.log_level = "WARN"
c.JupyterHub.ip, c.JupyterHub.port = "127.0.0.1", 8000  # a `bind_url` would overrule `--ip`
c.JupyterHub.hub_bind_url = f"http://{opened['gateway']}:8081"
c.ConfigurableHTTPProxy.command = opened["proxy"]
c.ConfigurableHTTPProxy.log_level = "warn"

# Learners go on while the hub is started again; `python3 -m classroom stop` ends them.
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = False

TELL = "access:services!service=room"
PYTHON = ["setpriv", "--pdeathsig=TERM", sys.executable]  # a hub that is killed takes them along
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [*PYTHON, "-m", "jupyterhub_idle_culler", "--timeout=3600"]},
    # The instructor's page: learners by exercise. It opens for whoever may open the hub's own.
    {"name": "room", "url": GRID, "command": [*PYTHON, str(ROOT / "deploy/hub/grid.py")],
     "cwd": str(ROOT), "display": False, "oauth_no_confirm": True,
     "oauth_client_allowed_scopes": ["admin-ui"]},
]  # fmt: skip
c.JupyterHub.load_roles = [
    {"name": "idle-culler", "services": ["idle-culler"],
     "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]},
    # What a learner's kernel may: tell the room how far the learner is.
    {"name": "user", "scopes": ["self", TELL]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", TELL]},
]  # fmt: skip
