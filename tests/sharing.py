"""How the workers of xdist share the files of tests: each whole, some of them together."""

from xdist.scheduler import LoadFileScheduling

# Both look at the first `make run`, which takes half a minute to start.
TOGETHER = {
    "tests/integration/test_demonstration.py": "the first run",
    "tests/integration/test_supervisor.py": "the first run",
}


class Sharing(LoadFileScheduling):
    """A file is one piece of work, or several files are."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)
