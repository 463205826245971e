"""What the notebooks import: thin functions over docker-py, named as docker's verbs."""
