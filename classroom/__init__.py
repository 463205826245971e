"""What stands around the lessons: the environment, a Docker Engine, a stand-in for Docker Hub."""
