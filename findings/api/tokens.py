"""Who calls, by token: as Token or as Bearer. And that the token is still in use."""

from hmac import compare_digest
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from findings.models import Person
from findings.prepared import Prepared

_PERSON = [one.attname for one in Person._meta.concrete_fields]
# Those that begin alike, whose they are, and whether its use was written down within a minute.
FOUND = Prepared(
    "token_of_caller",
    """
    SELECT t.digest, t.expiry, u.last_used_at > clock_timestamp() - interval '1 minute', p.*
    FROM knox_authtoken t JOIN findings_person p ON p.id = t.user_id
    LEFT JOIN findings_tokenuse u ON u.digest = t.digest
    WHERE t.token_key = %(key)s
    """.replace("p.*", ", ".join(f"p.{one.column}" for one in Person._meta.concrete_fields)),
    key="text",
)
USED = """
    INSERT INTO findings_tokenuse AS used (digest, last_used_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (digest) DO UPDATE SET last_used_at = excluded.last_used_at
    WHERE used.last_used_at < excluded.last_used_at - interval '1 minute'
"""


class Tokens(TokenAuthentication):
    """Authorization: Token …, as Knox makes and keeps them; each is asked for in one question."""

    def authenticate_credentials(self, token: bytes) -> tuple[Person, AuthToken]:
        said = token.decode("utf-8", errors="replace")
        digest = hash_token(said)
        for known, expiry, is_noted, *columns in FOUND.rows(key=said[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if not compare_digest(known, digest) or (expiry and expiry <= timezone.now()):
                continue
            person = Person.from_db(connection.alias, _PERSON, columns)
            found = AuthToken(digest=known, expiry=expiry, user=person)
            self.validate_user(found)
            if not is_noted:
                _note(known)
            return person, found
        raise AuthenticationFailed(gettext_lazy("Invalid token."))


def _note(digest: str) -> None:
    """Once a minute: each time would make all who call with it wait for one row."""
    with connection.cursor() as cursor:
        cursor.execute(USED, [digest])


class BearerTokens(Tokens):
    """Authorization: Bearer …, as FHIR's clients send it."""

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"
