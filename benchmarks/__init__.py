"""`python3 -m classroom bench`: the helpers and the docker command, measured side by side."""
