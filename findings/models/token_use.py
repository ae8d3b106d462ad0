"""When each token of the API was used last: one that nobody uses any more should end."""

from django.db import models


class TokenUse(models.Model):
    """By the digest that the token itself is kept by; written once a minute at the most."""

    digest = models.CharField(primary_key=True, max_length=128)
    last_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"use of a token at {self.last_used_at}"
