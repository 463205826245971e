"""JupyterHub's server for a learner, without the hub's own database, which each would load."""

import sys
import types

# `jupyterhub.log` and `jupyterhub.scopes` import them for what only a hub does, which is a third of
# the time that a server takes to start. Who used them here after all would get an AttributeError.
HUB_ONLY = ("jupyterhub.handlers.pages", "jupyterhub.orm", "jupyterhub.roles")


def import_without_database():
    """Import what imports the database, and keep that out."""
    sys.modules.update((name, types.ModuleType(name)) for name in HUB_ONLY)
    sys.modules[HUB_ONLY[0]].HealthCheckHandler = type("HealthCheckHandler", (), {})
    import jupyterhub.log
    import jupyterhub.scopes  # noqa: F401 - it keeps what stands in for them

    for name in HUB_ONLY:
        del sys.modules[name]


if __name__ == "__main__":
    import_without_database()
    from jupyterhub.singleuser import main

    sys.exit(main())
