"""The only writers. One verb-file a stage; each verb is one transaction with its events.

Every function is keyword-only, names its actor, and takes `at` (UTC) only so that history can be
loaded; without it the database's clock decides.
"""
