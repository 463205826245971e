"""What IPython runs as each kernel starts, in any environment that the project is installed in."""

from IPython import get_ipython

get_ipython().extension_manager.load_extension("helpers._internal.setup_hint")
