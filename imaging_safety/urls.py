"""Every address. The directory site holds people and teams only: nothing clinical is written
past the services."""

from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from findings.admin import directory
from findings.fhir.access import Unknown
from findings.fhir.bundles import Bundles
from imaging_safety import errors, views
from imaging_safety.health import health

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/as/", views.sign_in_as, name="sign-in-as"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("help/", views.help_page, name="help"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("health/", health, name="health"),
    path(
        "api/v1/schema/",
        SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]),
        name="schema",
    ),
    path("api/v1/", include("findings.api.urls")),
    path("fhir/R4", Bundles.as_view(), name="fhir-base"),
    path("fhir/R4/", Bundles.as_view(), name="fhir-base-slash"),
    path("fhir/R4/", include("findings.fhir.urls")),
    path("fhir/R4/", include("notifications.fhir_urls")),
    # In the shape of its own, whatever else is asked for there.
    path("fhir/R4/<path:rest>", Unknown.as_view(), name="fhir-unknown"),
    path("", include("findings.urls")),
    path("", include("notifications.urls")),
]
if settings.ADMIN_SITE:
    urlpatterns.append(path("directory/", directory.urls))

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
