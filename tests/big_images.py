"""Images that take a while to push: code for a kernel, since the bars are shown by a kernel."""

PREPARE = '''
import io, os, tarfile
from helpers import engine, images, registry, workspace
from helpers._internal import command

def build(name, *megabytes):
    """Make an image with layers of such sizes, of which no byte can be left out."""
    files = {f"part{i}": os.urandom(size * 2**20) for i, size in enumerate(megabytes)}
    recipe = "FROM scratch\\n" + "\\n".join(f"COPY {file} /" for file in files)
    with tarfile.open(fileobj=(context := io.BytesIO()), mode="w") as tar:
        for file, content in {"Dockerfile": recipe.encode(), **files}.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    context.seek(0)
    list(engine.connect().api.build(fileobj=context, custom_context=True, tag=name, rm=True))

os.environ["WORKSPACE"] = "check-bars"
with command.quietly():
    own = registry.start()
    registry.login(own)
reference = f"{own.address}/check-bars/app:1"
'''
TIDY = "removed = workspace.reset()"
