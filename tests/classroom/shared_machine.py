"""Users of a machine, in a mount namespace: who of them gets at an Engine that one starts?

Run as root, `unshare --mount python shared_machine.py USER FLAG …`: starts a real Engine as USER,
with these flags of dockerd, and prints as JSON what came of it, and what each user then gets. With
`bob-without-docker` in the place of USER, the machine has no such group.
"""

import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import classroom
from classroom import engine, engine_api, processes, system
from classroom.errors import ClassroomError

# name -> (user's number, group's number); 0 is not root's alone here
USERS = {
    "ada": (60001, 60001),  # a group of her own
    "bob": (60002, 60100),  # in the group students, as cleo is
    "cleo": (60003, 60100),
    "dora": (60004, 60100),  # in the group docker, too
    "eve": (60005, 60005),  # her group has her name, and bob is in it
    "fred": (60006, 60006),  # his group has his name, and is gina's, too
    "gina": (60007, 60006),
    "hugo": (60008, 60200),  # nobody else is to be seen in his group, which has another name
}
GROUPS = {
    "ada": (60001, ""),
    "students": (60100, ""),
    "eve": (60005, "bob"),
    "fred": (60006, ""),
    "staff-of-all": (60200, ""),
    "docker": (60300, "dora"),
}
NOBODY_KNOWN = 60999  # a user without an entry


def write(file, drop, lines):
    """Put other lines in a file of the system: of this namespace's copy of /etc."""
    kept = [row for row in Path(file).read_text().splitlines() if row.split(":")[0] not in drop]
    Path(file).write_text("\n".join([*kept, *lines]) + "\n")


def let_users_become_root(folder):
    """Make a `sudo` that asks for no password, which the namespace alone has."""
    tool = shutil.copy(shutil.which("setpriv"), folder / "setpriv")
    os.chmod(tool, 0o4755)
    sudo = folder / "sudo"
    sudo.write_text(f'#!/bin/sh\nexec {tool} --reuid 0 --regid 0 --clear-groups "$@"\n')
    sudo.chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


def as_user(name, do):
    """Return what a function says when that user runs it, as text."""
    uid, gid = (NOBODY_KNOWN, NOBODY_KNOWN) if name == "nobody-known" else USERS[name]
    groups = [group.gr_gid for group in grp.getgrall() if name in group.gr_mem]
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        try:
            said = do()
        except Exception as error:  # a test reads it
            said = f"{type(error).__name__}: {error}"
        os.write(writer, str(said).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def main(user, *flags):
    user, _, missing = user.partition("-without-")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    subprocess.run(["cp", "-a", "/etc", folder], check=True)
    subprocess.run(["mount", "--bind", folder / "etc", "/etc"], check=True)
    people = [f"{name}:x:{uid}:{gid}::/nonexistent:/bin/sh" for name, (uid, gid) in USERS.items()]
    write("/etc/passwd", USERS, people)
    groups = [f"{n}:x:{gid}:{users}" for n, (gid, users) in GROUPS.items() if n != missing]
    write("/etc/group", GROUPS, groups)
    write("/etc/gshadow", GROUPS, [])
    (state := folder / "state").mkdir()
    if user in USERS:
        os.chown(state, *USERS[user])
    let_users_become_root(folder)
    own = engine._flags
    engine._flags = lambda mirror: [*own(mirror), *flags]
    engine.SOCKET = flags[flags.index("--host") + 1].removeprefix("unix://")
    engine.PID_FILE = Path(flags[flags.index("--pidfile") + 1])
    Path(engine.SOCKET).parent.chmod(0o711)  # as that of the usual socket
    place = engine.Address(f"unix://{engine.SOCKET}")
    result = {}
    try:
        result["group"] = as_user(user, engine._socket_group)
        result["started"] = as_user(user, lambda: engine.start(state).version())
        result["groups"] = sorted(set(GROUPS) & {group.gr_name for group in grp.getgrall()})
        if Path(engine.SOCKET).exists():
            result["socket"] = grp.getgrgid(os.stat(engine.SOCKET).st_gid).gr_name
        for name in [*USERS, "nobody-known"]:
            result[name] = as_user(name, lambda: bool(engine.find(place)))
    finally:
        print(json.dumps(result))
        with suppress(ClassroomError):
            engine.stop(state)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    assert classroom and engine_api and processes and system and pwd  # loaded before users change
    main(*sys.argv[1:])
