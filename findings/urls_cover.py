"""Addresses of the pages about whether somebody will be there: coverage, posts and their rotas,
routing rules; and whether what is sent comes and is understood: integration, senders."""

from django.urls import path

from findings.views import coverage, integration, ris_links, rota_import, rotas, routing, senders

urlpatterns = [
    path("coverage/", coverage.coverage, name="coverage"),
    path("routing/", routing.routing, name="routing"),
    path("routing/add/", routing.add, name="add-routing-rule"),
    path("routing/<int:pk>/change/", routing.change, name="change-routing-rule"),
    path("routing/<int:pk>/remove/", routing.remove, name="remove-routing-rule"),
    path("integration/", integration.integration, name="integration"),
    path("integration/<int:pk>/", integration.feed, name="feed"),
    path("integration/unknown/", integration.unknown_feed, name="unknown-feed"),
    path("integration/messages/<int:pk>/", integration.stored_message, name="stored-message"),
    path("senders/", senders.senders, name="senders"),
    path("senders/<int:pk>/", senders.sender, name="sender"),
    path("senders/<int:pk>/links/", ris_links.keys, name="link-keys"),
    path("rotas/", rotas.rotas, name="rotas"),
    path("rotas/add/", rotas.add_post, name="add-post"),
    path("rotas/import/", rota_import.import_rota, name="import-rota"),
    path("rotas/<int:pk>/", rotas.post, name="post"),
    path("rotas/<int:pk>/end/", rotas.end, name="end-post"),
    path("rotas/<int:pk>/add/", rotas.add, name="add-to-rota"),
    path("rotas/shifts/<int:pk>/change/", rotas.change, name="change-shift"),
    path("rotas/shifts/<int:pk>/remove/", rotas.remove, name="remove-shift"),
]
