"""A learner's server behind JupyterHub: what it leaves out."""

import subprocess
import sys

from classroom.paths import ROOT

SERVER = """
import sys
from deploy import singleuser
singleuser.import_without_database()
import jupyterhub.singleuser
for name in ("alembic", "sqlalchemy.orm", "jupyterhub.handlers"):
    assert name not in sys.modules, name
from jupyterhub.scopes import _intersect_expanded_scopes  # by which a server lets somebody in
assert _intersect_expanded_scopes({"access:servers"}, {"access:servers!user=ada"}) == {
    "access:servers!user=ada"}
import jupyterhub.orm  # who needs it after all gets it
assert jupyterhub.orm.User
"""


def test_it_does_without_the_hub_s_database():
    done = subprocess.run(
        [sys.executable, "-c", SERVER], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
