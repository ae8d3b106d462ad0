"""The least that a server for FHIR can do: read one report as JSON, keep it in one row that is on
the disk, say so. No framework; gunicorn serves it as it serves the application.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2

TABLE = """
    CREATE TABLE taken (id bigserial PRIMARY KEY, accession text NOT NULL UNIQUE,
        patient text NOT NULL, raw text NOT NULL, received_at timestamptz NOT NULL DEFAULT now())
"""
KEEP = "INSERT INTO taken (accession, patient, raw) VALUES (%s, %s, %s)"
ANSWER = json.dumps({"resourceType": "OperationOutcome", "issue": []}).encode()

_own = threading.local()


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    inside = {one["resourceType"]: one for one in json.loads(raw)["contained"]}
    accession = inside["ServiceRequest"]["identifier"][0]["value"]
    patient = inside["Patient"]["identifier"][0]["value"]
    _cursor().execute(KEEP, (accession, patient, raw.decode()))
    names = [("Content-Type", "application/fhir+json"), ("Content-Length", str(len(ANSWER)))]
    start("201 Created", names)
    return [ANSWER]


def _cursor() -> Any:
    """Each thread has a connection of its own."""
    if not hasattr(_own, "cursor"):
        connection = psycopg2.connect(os.environ["DATABASE_URL"])
        connection.autocommit = True
        _own.cursor = connection.cursor()
    return _own.cursor
