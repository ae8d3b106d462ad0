"""Addresses of the pages about messages and the engine."""

from django.urls import path

from notifications import health, views

urlpatterns = [
    path("health/clock/", health.clock, name="clock-health"),
    # Without a slash at its end: where Prometheus looks unless told otherwise.
    path("metrics", health.metrics, name="metrics"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<uuid:public_id>/open/", views.open_notification, name="open-notification"),
    path("messages/", views.messages, name="messages"),
    path("messages/<uuid:public_id>/", views.message, name="message"),
]
