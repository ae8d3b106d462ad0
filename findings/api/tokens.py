"""Who calls, by token: as Token or as Bearer. And that the token is still in use."""

from typing import Any

from django.db import connection
from knox.auth import TokenAuthentication

USED = """
    INSERT INTO findings_tokenuse AS used (digest, last_used_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (digest) DO UPDATE SET last_used_at = excluded.last_used_at
    WHERE used.last_used_at < excluded.last_used_at - interval '1 minute'
"""


class Tokens(TokenAuthentication):
    """Authorization: Token …"""

    def authenticate_credentials(self, token: bytes) -> Any:
        person, found = super().authenticate_credentials(token)
        with connection.cursor() as cursor:
            cursor.execute(USED, [found.digest])
        return person, found


class BearerTokens(Tokens):
    """Authorization: Bearer …, as FHIR's clients send it."""

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"
