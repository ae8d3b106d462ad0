"""What notifications has under /fhir/R4/."""

from django.urls import path

from notifications import communications

urlpatterns = [
    path("Communication", communications.Communications.as_view(), name="fhir-communications"),
    path(
        "Communication/_search",
        communications.CommunicationSearch.as_view(),
        name="fhir-communication-search",
    ),
    path(
        "Communication/<uuid:public_id>",
        communications.OneCommunication.as_view(),
        name="fhir-communication",
    ),
]
