"""The image that all of these start from, and what goes on until the end."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def base_image(busybox):
    """Pull BusyBox before the first test."""


def pytest_collection_modifyitems(items):
    """Move to the end what waits for something that goes on all the while."""
    items.sort(key=lambda item: "ended" in getattr(item, "fixturenames", ()))
