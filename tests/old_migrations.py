"""The migrations from before they were squashed, as a database of an earlier version ran them.

    python -m tests.old_migrations

compares, as pg_dump writes them, a new database with one that took the old steps and with one
that stopped half-way before its upgrade. Run it when a file in a folder `migrations` from before
the squash changes, or the squash; it takes half a minute.
"""

import difflib
import os
import subprocess
import sys
from typing import Any

# The last step that a squashed migration replaces, in the order in which the apps depend.
LEAVES = [("findings", "0076_measured_days"), ("notifications", "0017_improvements_and_meetings")]
HALF_WAY = [
    ("findings", "0010_posts_and_rotas"),
    ("notifications", "0003_what_was_sent_and_what_failed"),
]
# How far each database goes by the old steps before `migrate`.
DATABASES = {"new": [], "old": LEAVES, "half_way": HALF_WAY}


def old_executor(connection: Any) -> Any:
    """An executor that knows the old steps only."""
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.loader import MigrationLoader

    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    squashed = [
        key for key, migration in executor.loader.disk_migrations.items() if migration.replaces
    ]
    assert {app for app, _ in squashed} == {app for app, _ in LEAVES}
    return executor


def _fill(name: str, old_steps: list[tuple[str, str]]) -> None:
    from django.core.management import call_command
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = "postgres"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.settings_dict["NAME"] = name
    if old_steps:
        old_executor(connection).migrate(old_steps)
    call_command("migrate", verbosity=0, skip_checks=True)
    connection.close()


def _dump(name: str) -> list[str]:
    """Tables, functions, constraints, triggers; and rows, but for the list of migrations."""
    from imaging_safety import embedded

    url = os.environ["DATABASE_URL"].replace(f"/{embedded.DATABASE}?", f"/{name}?")
    program = [embedded.postgres_binaries() / "pg_dump", "--inserts"]
    done = subprocess.run(
        [*program, "--exclude-table-data=django_migrations*", url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # pg_dump puts a password of the moment into each file.
    return [
        line
        for line in done.stdout.splitlines()
        if not line.startswith(("\\restrict", "\\unrestrict"))
    ]


def main() -> int:
    import django

    from tests import services_plugin  # noqa: F401  starts a server, gone when we end

    django.setup()
    dumps = {}
    for name, old_steps in DATABASES.items():
        _fill(name, old_steps)
        dumps[name] = _dump(name)
    for name, dump in dumps.items():
        print(f"{name}: {len(dump)} lines")
        print(*difflib.unified_diff(dumps["new"], dump, "new", name, lineterm=""), sep="\n")
    return int(any(dump != dumps["new"] for dump in dumps.values()))


if __name__ == "__main__":
    sys.exit(main())
