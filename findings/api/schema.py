"""What the OpenAPI schema has to be told of our own classes. Importing it registers them."""

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme


class TokenScheme(KnoxTokenScheme):
    """As a token of knox, which it is."""

    target_class = "findings.api.tokens.Tokens"
