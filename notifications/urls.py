"""Addresses of the pages about messages and the engine."""

from django.urls import path

from notifications import case_pack, health, receipt_views, route_views, views, wording_views

urlpatterns = [
    path("health/clock/", health.clock, name="clock-health"),
    # Without a slash at its end: where Prometheus looks unless told otherwise.
    path("metrics", health.metrics, name="metrics"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<uuid:public_id>/open/", views.open_notification, name="open-notification"),
    path("people/<int:pk>/routes/", route_views.routes, name="routes"),
    path("routes/<int:pk>/verify/", route_views.verify, name="verify-route"),
    path("routes/<int:pk>/code/", route_views.code, name="send-code"),
    path("routes/<int:pk>/up/", route_views.up, name="move-route"),
    path("routes/<int:pk>/test/", route_views.test, name="test-route"),
    path("routes/<int:pk>/remove/", route_views.remove, name="remove-route"),
    path("receipts/notify/", receipt_views.notify, name="notify-receipt"),
    path("receipts/webhook/", receipt_views.webhook, name="webhook-receipt"),
    path("papers/case/<reference:reference>/", case_pack.case_pack, name="case-pack"),
    path("wordings/", wording_views.wordings, name="wordings"),
    path("wordings/others/<slug:name>/", wording_views.other, name="other-message"),
    path("wordings/<slug:category>/", wording_views.wordings, name="wordings-of"),
    path(
        "wordings/<slug:category>/<slug:clock>/<int:level>/", wording_views.wording, name="wording"
    ),
    path(
        "wordings/<slug:category>/<slug:clock>/<int:level>/change/",
        wording_views.change,
        name="change-wording",
    ),
    path(
        "wordings/<slug:category>/<slug:clock>/<int:level>/again/",
        wording_views.again,
        name="word-again",
    ),
    path("messages/", views.messages, name="messages"),
    path("messages/<uuid:public_id>/", views.message, name="message"),
]
