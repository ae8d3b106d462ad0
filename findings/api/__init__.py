"""The JSON API: the same rules and services as the pages."""
