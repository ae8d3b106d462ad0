"""Telling people, and proof of it. Imports findings; findings never imports it."""
