"""For each exercise: plausible wrong states, and other right ways than the shown ones.

A wrong state is what brings it about, a word of what `check()` then says, and a word of the first
hint. What brings it about is a line for a shell, with the words of the exercise's solution in
it, or a function of the exercise. `LOGIN` logs the shell in to the workspace's own registry.
"""

from helpers import registry

BOX = "docker run --name {me}-x {label} busybox"
HTTPD = "busybox httpd -f -h /home"
CAFE = "docker run -d --name {me}-cafe {label}"
SHOP = "docker run -d --name {me}-shop {label}"
OPEN = (
    f"{SHOP} -p 127.0.0.1:{{port}}:80 --memory 64m --restart always {HTTPD}\n"
    "docker exec {me}-shop sh -c 'echo welcome > /home/index.html'"
)
KEPT = "docker run --name {me}-kept {label} busybox echo goodbye"
STOPPED = "docker stop -t 0 {me}-registry"
CARGO = "OLD=$(docker port {me}-depot 5000)\ndocker pull $OLD/{me}/cargo:1"


def answer(*given):
    def act(exercise):
        exercise.check(*given)

    act.given = given
    return act


def choose(*words):
    """Give the registry a password, and log in with it; then do so with the next, but no login."""

    def act(exercise):
        store = registry.private(password=words[0])
        if len(words) > 1:
            registry.login(store)
            registry.private(password=words[1])

    return act


def log_in(exercise):
    registry.login(registry.start())


def send(source, name):
    """The lines that push an image to the workspace's own registry under a name."""
    return (
        f"docker tag {source} {{store}}/{{me}}/{name}\nLOGIN\ndocker push {{store}}/{{me}}/{name}"
    )


MORE = "sh -c 'echo hello > /hello.txt; touch /more'"  # made in the same second, it is another file


def exported(words="sh -c 'echo hello > /hello.txt'"):
    return f"mkdir -p {{files}}\n{BOX} {words}\ndocker export -o {{files}}/greeter.tar {{me}}-x"


def greeting(change='-c \'CMD ["cat", "/hello.txt"]\''):
    """The lines that import and push `greeter`."""
    name = "{store}/{me}/greeter:1"
    made = f"docker import {change} {{files}}/greeter.tar {name}"
    return f"{exported()}\n{made}\nLOGIN\ndocker push {name}"


WRONG = {
    "crowd": [
        (answer(4), "official or not", "Two filters"),
        (answer(5), "any number of stars", "Two filters"),
        (answer(1), "are official", "Two filters"),
        (answer("three"), "it is not three", "Two filters"),
        (answer(True), "it is not True", "Two filters"),
    ],
    "toolbox": [
        ("docker tag busybox {me}/toolbox", "has the tags latest", "Without a tag"),
        ("docker tag registry:2 {me}/toolbox:1", "is another image", "one ID"),
        ("docker tag busybox {me}/tool-box:1", "toolbox:1` is there", "`docker tag` makes one"),
    ],
    "release": [
        ("docker tag busybox:glibc {me}/app:2", "has the tags 1.0, 2, stable", "is to be `2.0`"),
        ("docker tag busybox:glibc {me}/app:2.0", "app:stable` is the same image as",
         "moves a name that is there"),
        ("docker tag busybox:glibc {me}/app:1.0\ndocker tag busybox:glibc {me}/app:stable\n"
         "docker tag busybox:glibc {me}/app:2.0", "app:1.0` is the same image as", "one ID"),
        ("docker tag busybox {me}/app:2.0", "it is another image", "one ID"),
        ("docker rmi busybox:glibc", "`busybox:glibc` is not here", "images.pull"),
        ("docker rmi {me}/app:1.0", "starts from is there: it is not", "Run the cell"),
    ],
    "password": [
        (log_in, "made at random", "gives it another one"),
        (choose("one"), "you are logged in to", "wants the registry's address"),
        (choose("one", "two"), "does not take any more", "Log in again"),
        ("PASSWORD\nLOGIN\ndocker logout {store}", "you are logged in to", "wants the registry's"),
        ("PASSWORD\nLOGIN localhost", "you are logged in to `localhost:", "two registries"),
        (STOPPED, "your registry answers: it is exited", "registry.start()"),
        ("docker pause {me}-registry", "your registry answers: it is paused", "docker unpause"),
        ("rm {files}/registry-password", "no answer to the password in", "registry.start()"),
        ("echo mine > {files}/registry-password", "no answer to the password", "registry.start()"),
        ("docker rm -f -v {me}-registry", "starts from is there: it is not", "Run the cell"),
    ],
    "secret": [
        ("docker tag busybox {store}/{me}/secret:1", "image has its name here", "Now push it"),
        (send("busybox", "secret:2"), "it has the tags 2", "push of its own"),
        ("docker tag busybox {me}/secret:1", "would go to Docker Hub", "begins with your registry"),
        ("LOGIN\ndocker tag busybox {store}/secret:1\ndocker push {store}/secret:1\n"
         "docker rmi {store}/secret:1", "it has `secret:1`", "Without your namespace"),
        (send("registry:2", "secret:1"), "it is another image", "begins with your registry"),
        (f"{send('busybox', 'secret:1')}\nANSWER 404", "does not answer `404`", "as a stranger"),
    ],
    "shelf": [
        (send("busybox", "shelf:1"), "it has the tags 1", "push of its own"),
        (send("busybox:glibc", "shelf:1"), "shelf:1`, the same image as `busybox`: it is another",
         "begins with your registry"),
        ("\n".join(send("busybox", f"shelf:{tag}") for tag in ("1", "latest", "glibc")),
         "shelf:glibc`, the same image as `busybox:glibc`: it is another",
         "begins with your registry"),
    ],
    "gift": [
        ("docker import {files}/gift.tar {me}/gift:1", "one layer, and no CMD", "whole archive"),
        ("echo x > {files}/gift.tar", "is what came by mail: it is not", "makes it anew"),
        ("docker save -o {files}/gift.tar busybox", "is what came by mail: it is not",
         "makes it anew"),
        ("docker tag busybox {me}/gift:1", "another image than the one in", "its name is in it"),
        ("docker load -i {files}/gift.tar\ndocker tag {me}/gift:1 {me}/gift\n"
         "docker rmi {me}/gift:1",
         "has the tags latest", "The tag is to be `1`"),
    ],
    "revived": [
        ("docker import {files}/system.tar {me}/system:1", "it has no CMD", "while importing"),
        (f"{BOX} true\ndocker commit -c 'CMD [\"cat\", \"/motd\"]' {{me}}-x {{me}}/system:1",
         "it is not made of", "one new layer"),
        ("docker import -c 'CMD [\"cat /motd\"]' {files}/system.tar {me}/system:1",
         "its CMD is `[\"cat /motd\"]`", "double quotes of its own"),
        ("docker export $(docker create --name {me}-x busybox:glibc) | "
         "docker import -c 'CMD [\"cat\", \"/motd\"]' - {me}/system:1",
         "it is not made of", "one new layer"),
        ("docker import -c 'CMD [\"/motd\"]' {files}/system.tar {me}/system:1",
         "its CMD is `[\"/motd\"]`",
         "double quotes"),
        ("docker import {files}/system.tar {me}/system", "has the tags latest", "is to be `1`"),
    ],
    "backup": [
        (f"mkdir -p {{files}}\n{BOX} true\ndocker export -o {{files}}/backup.tar {{me}}-x",
         "no whole archive of an image", "written by `docker save`"),
        ("mkdir -p {files}\ndocker save -o {files}/backup.tar $(docker images -q busybox:latest)",
         "has no name", "saved by its ID"),
        ("mkdir -p {files}\ndocker save -o {files}/backup.tar registry:2", "has `registry:2`",
         "keeps the names"),
        ("mkdir -p {files}\ndocker save busybox:latest | head -c 100000 > {files}/backup.tar",
         "no whole archive of an image", "written by `docker save`"),
        ("mkdir -p {files}/backup.tar", "there is no such file", "docker save"),
        ("mkdir -p {files}/x\ndocker save busybox:latest | tar -x -C {files}/x\n"
         "tar -c -f {files}/backup.tar -C {files}/x $(cd {files}/x; ls -p | grep -v /)\n"
         "rm -r {files}/x", "no whole archive of an image", "written by `docker save`"),
    ],
    "result": [
        ("mkdir -p {files}\ndocker cp {me}-printer:/result.txt - > {files}/result.txt",
         "is a tar archive", "Copy the one file"),
        ("mkdir -p {files}\necho 42 > {files}/result.txt", "says something else", "Copy it anew"),
        ("mkdir -p {files}\ndocker cp {me}-printer:/result.txt {files}/result.txt\n"
         "docker rm {me}-printer", "starts from is there: it is not", "Run the cell"),
        ("docker rm {me}-printer\ndocker run --name {me}-printer busybox "
         "sh -c 'echo 42 > /result.txt'\ndocker cp {me}-printer:/result.txt {files}/result.txt",
         "another of the same name", "makes it anew"),
    ],
    "pinned": [
        ("LOGIN\ndocker pull {store}/{me}/pinned:1", "names today", "A tag can be moved"),
        ("LOGIN\ndocker pull {store}/{me}/pinned@$(cat {files}/pinned.txt)",
         "pinned.txt`: there is none", "has no tag here"),
        ("LOGIN\ndocker pull {store}/{me}/pinned@$(cat {files}/pinned.txt)\n"
         "docker pull {store}/{me}/pinned:1\ndocker tag {store}/{me}/pinned:1 {me}/proof:1",
         "pinned.txt`: it is another", "NAME@DIGEST"),
        ("docker tag busybox {me}/proof:1", "the digest in", "in place of the colon"),
        ("echo hello > {files}/pinned.txt", "not say what was noted", "makes it anew"),
        (f"echo sha256:{'0' * 64} > {{files}}/pinned.txt", "not say what was noted", "makes it"),
        ("LOGIN\ndocker pull {store}/{me}/pinned:1 | grep -o sha256:.* > {files}/pinned.txt\n"
         "docker tag {store}/{me}/pinned:1 {me}/proof:1", "not say what was noted", "makes it"),
    ],
    "moved": [
        (CARGO, "the image is here", "Give it a name that leads to yours"),
        (f"{CARGO}\ndocker tag $OLD/{{me}}/cargo:1 {{store}}/{{me}}/cargo:1",
         "has its new name here", "Now push it"),
        (f"{CARGO}\ndocker run --name {{me}}-x {{label}} $OLD/{{me}}/cargo:1\n"
         "docker commit {me}-x {me}/cargo:2\n" + send("{me}/cargo:2", "cargo:1"),
         "another image than that in the old one", "Nothing is to be built anew"),
        ("docker stop -t 0 {me}-depot", "the old registry is exited", "containers.start"),
        ("docker pause {me}-depot", "the old registry is paused", "docker unpause"),
        ("docker rm -f -v {me}-depot\n"
         "docker run -d --name {me}-depot -p 127.0.0.1:{port}:5000 registry:2\n"
         "while ! curl -s http://127.0.0.1:{port}/v2/; do :; done",
         "another of the same name", "makes it anew"),
    ],
    "greeter": [
        ("mkdir -p {files}\ndocker save -o {files}/greeter.tar busybox:latest",
         "is the archive of an image", "docker export"),
        (exported("sh -c 'echo hi > /hello.txt'"), "says something else", "while it runs"),
        (exported("true"), "is missing, or no file", "while it runs"),
        (exported("mkdir /hello.txt"), "is missing, or no file", "while it runs"),
        (f"{greeting()}\n{exported(MORE).replace('-x', '-y')}", "not made of", "one new layer"),
        (greeting(change=""), "it has no CMD", "while importing"),
        (f"{greeting()}\ndocker rmi {{store}}/{{me}}/greeter:1", "not here any more",
         "Pull it back"),
        (f"{greeting()}\ndocker tag busybox {{store}}/{{me}}/greeter:1",
         "another image than in your registry", "Push it, or remove it"),
    ],
    "cafe": [
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 busybox no-such || true",
         "the image does not have its command",
         "after the image's name"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 busybox sleep 600\ndocker run -d --name {{me}}-x "
         f"{{label}} -p 127.0.0.1:{{port}}:80 {HTTPD} || true\ndocker rm -f {{me}}-cafe\n"
         "docker rename {me}-x {me}-cafe", "its port is taken", "which container has which port"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 busybox sh -c 'no-such'\ndocker wait {{me}}-cafe",
         "it ended with exit code 127: its command was not found", "What did it print?"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 busybox httpd -h /home\ndocker wait {{me}}-cafe",
         "exit code 0: its main process was done", "in the foreground of the container"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 --restart always busybox sleep 600",
         "a web server answers there: no answer", "is no web server"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 --restart always busybox httpd -h /home\n"
         "while [ $(docker inspect -f '{{{{.RestartCount}}}}' {me}-cafe) -lt 2 ]; do :; done",
         "it ends and starts again and again", "in the foreground"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:8080 --restart always {HTTPD}",
         "published: 8080/tcp", "after the last colon"),
        (f"{CAFE} -p {{port}}:80 --restart always {HTTPD}", "open on every address", "Without an"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 {HTTPD}", "restart policy is `no`", "bring it back"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 --restart on-failure {HTTPD}",
         "restart policy is `on-failure`", "only after an error"),
        (f"{CAFE} -p 127.0.0.1:{{port}}:80 --restart always {HTTPD}\ndocker pause {{me}}-cafe",
         "it is paused", "unpause"),
    ],
    "notice": [
        ("docker exec {me}-notice sh -c 'echo open > /index.html'", "says `closed`", "-h /home"),
        ("docker exec {me}-notice sh -c 'echo opened > /home/index.html'", "says `opened`",
         "must be the container's"),
        ("docker exec {me}-notice rm /home/index.html", "there is no page", "-h /home"),
        ("docker stop -t 0 {me}-notice", "it ended with exit code 137", "starts it"),
        ("docker pause {me}-notice", "it is paused", "docker unpause"),
        ("docker network disconnect bridge {me}-notice", "without a network", "gives both back"),
        ("docker rm -f {me}-notice\ndocker run -d --name {me}-notice {label} "
         "-p 127.0.0.1:{port}:80 busybox sh -c 'echo open > /home/index.html; httpd -f -h /home'\n"
         "while ! curl -s http://127.0.0.1:{port}/; do :; done",
         "another of the same name", "makes it anew"),
    ],
    "stall": [
        ("docker start {me}-stall || true", "something else has", "The column PORTS"),
        ("docker stop -t 0 {me}-bike", "something else has", "The column PORTS"),
        ("docker stop -t 0 {me}-van", "is free now", "containers.start"),
        ("docker stop -t 0 {me}-van\ndocker start {me}-stall\n"
         "docker network disconnect bridge {me}-stall", "without a network", "gives both back"),
        ("docker stop -t 0 {me}-van {me}-bike\ndocker start {me}-stall", "in nobody's way",
         "containers.start"),
        ("docker rm {me}-stall\n"
         f"docker run -d --name {{me}}-stall -p 127.0.0.1:{{port}}:80 {HTTPD}",
         "another of the same name", "makes it anew"),
        ("docker rm -f {me}-bike", "something else has", "The column PORTS"),
    ],
    "farewell": [
        ("docker run --name {me}-kept --rm {label} busybox echo goodbye",
         "-kept` is there", "starts one"),
        ("docker run --name {me}-kept {label} busybox echo Goodbye", "it is `echo Goodbye`",
         "after the image's name"),
        (f"{KEPT}\ndocker run -d --name {{me}}-gone {{label}} busybox sleep 600", "it would stay",
         "make it anew"),
        (f"{KEPT}\ndocker run --name {{me}}-gone --rm {{label}} busybox true",
         "-gone` is there", "starts one"),
        (f"{KEPT}\ndocker create --name {{me}}-gone --rm {{label}} busybox sleep 600",
         "it was created, and does not run", "says why"),
    ],
    "sleeper": [
        ("docker rm -f {me}-sleeper\ndocker create --name {me}-sleeper {label} busybox sleep 9",
         "it was created, and does not run", "makes it anew"),
        ("docker kill {me}-sleeper", "exit code 137: SIGKILL", "is to be 143: SIGTERM"),
        ("docker pause {me}-sleeper", "it is paused", "asks its main process"),
        ("docker rm -f {me}-sleeper", "starts from is there: it is not", "Run the cell"),
        ("docker rm -f {me}-sleeper\ndocker run -d --init --name {me}-sleeper {label} "
         "busybox sleep 3600\ndocker stop {me}-sleeper", "another of the same name", "makes it"),
        ("docker rm -f {me}-sleeper\ndocker run --name {me}-sleeper {label} "
         "busybox sh -c 'exit 143' || true", "another of the same name", "makes it"),
    ],
    "stubborn": [
        (answer(137, "SIGKILL"), "has ended: it is running", "asks its main process"),
        ("docker stop -t 0 {me}-stubborn\nANSWER 143 SIGTERM", "exit code is not 143", "docker ps"),
        ("docker stop -t 0 {me}-stubborn\nANSWER 137 SIGTERM", "it was not SIGTERM", "128 +"),
        ("docker stop -t 0 {me}-stubborn\nANSWER 137", "and the signal?", "128 +"),
        ("docker rm -f {me}-stubborn\ndocker run --name {me}-stubborn {label} "
         "busybox sh -c 'exit 137' || true\nANSWER 137 SIGKILL", "another of the same name",
         "makes it anew"),
    ],
    "shop": [
        (f"{SHOP} -p 127.0.0.1:{{port}}:80 --restart always {HTTPD}", "it may use all there is",
         "when it is made"),
        (f"{SHOP} -p 127.0.0.1:{{port}}:80 --restart always --memory 1g {HTTPD}", "1024 MB",
         "when it is made"),
        (f"{SHOP} -p 127.0.0.1:{{port}}:80 --memory 64m --restart on-failure {HTTPD}",
         "restart policy is `on-failure`", "bring it back"),
        (f"{SHOP} -p 127.0.0.1:{{port}}:80 --memory 64m --restart always {HTTPD}",
         "there is no page", "must be the container's"),
        (f"{OPEN}\ndocker run -d --name {{me}}-clerk {{label}} --init busybox sleep 600\n"
         "docker kill {me}-clerk", "exit code 137", "is to be 143"),
        (f"{OPEN}\ndocker run -d --name {{me}}-clerk {{label}} busybox sleep 600\n"
         "docker stop -t 1 {me}-clerk", "exit code 137", "is to be 143"),
        (f"{OPEN}\ndocker run --name {{me}}-clerk {{label}} busybox sh -c 'exit 143' || true",
         "it is `sh -c exit 143`", "after the image's name"),
    ],
}  # fmt: skip

RIGHT = {  # other right ways
    "toolbox": ["docker tag $(docker images -q busybox:latest) {me}/toolbox:1"],
    "release": [
        "docker tag busybox:glibc {me}/app:stable\ndocker tag {me}/app:stable {me}/app:2.0"
    ],
    "crowd": [lambda one: one.check("3")],
    "secret": [f"{send('busybox', 'secret:1')}\nANSWER 401"],
    "password": [choose("one", "one"), "PASSWORD\nLOGIN"],
    "gift": ["docker load < {files}/gift.tar"],
    "revived": [
        'docker import -c \'CMD ["/bin/cat", "/motd"]\' {files}/system.tar {me}/system:1',
        "cat {files}/system.tar | docker import -c 'CMD cat /motd' - {me}/system:1",
    ],
    "backup": ["mkdir -p {files}\ndocker save busybox:latest registry:2 > {files}/backup.tar"],
    "result": [
        "mkdir -p {files}\ndocker cp {me}-printer:/result.txt - | tar -xO > {files}/result.txt"
    ],
    "cafe": [
        "docker run -d --name {me}-cafe --restart always -p 127.0.0.1:{port}:80 busybox httpd -f",
        "docker run -d --name {me}-cafe --restart always -p 127.0.0.1::80 busybox httpd -f",
        f"{CAFE} -p 127.0.0.1:{{port}}:80 {HTTPD}\ndocker update --restart always {{me}}-cafe",
    ],
    "notice": ["echo open | docker exec -i {me}-notice tee /home/index.html"],
    "stall": ["docker rm -f {me}-van\ndocker start {me}-stall"],
    "sleeper": ["docker kill --signal TERM {me}-sleeper\ndocker wait {me}-sleeper"],
    "stubborn": [
        "docker kill {me}-stubborn\nANSWER 137 kill",
        "docker kill {me}-stubborn\nANSWER 137 9",
    ],
    "farewell": [
        "docker run -d --name {me}-kept busybox sh -c 'echo goodbye'\ndocker wait {me}-kept\n"
        "docker run -d --rm --name {me}-gone busybox sleep 99"
    ],
}
