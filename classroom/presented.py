"""Lessons as Jupyter's server presents them; only that server, in `.venv`, loads this file."""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError


class PresentedLessons(AsyncLargeFileManager):
    """Files of which each notebook opens without outputs, and none is saved."""

    async def get(self, *args, **options):
        """Return a file as it is, and a notebook without what its cells gave."""
        model = await super().get(*args, **options)
        if model["type"] == "notebook":
            for cell in (model["content"] or {"cells": ()})["cells"]:
                if cell["cell_type"] == "code":
                    cell.update(outputs=[], execution_count=None)
        return model

    async def save(self, model, path=""):
        """Refuse to save a notebook: the lesson's file stays as it is."""
        if model.get("type") == "notebook":
            raise HTTPError(403, "A presented lesson is not saved: its file stays as it is.")
        return await super().save(model, path)
