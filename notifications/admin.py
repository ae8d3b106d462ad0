"""How people are reached, in the directory that administrators keep."""

from django.contrib import admin

from findings.admin import DirectoryAdmin, directory
from notifications.models import Route


@admin.register(Route, site=directory)
class RouteAdmin(DirectoryAdmin):
    list_display = ["person", "channel", "address", "position", "verified_at", "failed_at"]
    list_filter = ["channel"]
    search_fields = ["person__family_name", "address"]
