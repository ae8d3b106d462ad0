"""The static files as a hospital serves them: collected, named by their content, compressed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils.functional import empty

from imaging_safety.jinja import NHSUK_VERSION
from imaging_safety.vendor_nhsuk import clean_css

SOURCE = Path(django_settings.BASE_DIR) / "imaging_safety" / "static"
# Of the applications that bring some: the directory, the API and its description.
THEIRS = ["admin", "rest_framework", "django_filters", "drf_spectacular"]
STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Our own as `manage.py collectstatic` leaves them; compressing everybody's takes long."""
    root = tmp_path_factory.mktemp("static")
    storages = django_settings.STORAGES | {"staticfiles": {"BACKEND": STORAGE}}
    with override_settings(STATIC_ROOT=root, STORAGES=storages):
        staticfiles_storage._wrapped = empty
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=THEIRS)
        yield root
    staticfiles_storage._wrapped = empty


def test_every_file_that_a_page_asks_for_is_served(collected, client, db):
    html = client.get("/sign-in/").content.decode()
    wanted = re.findall(r'(?:src|href|data-nhsuk)="(/static/[^"]+)"', html)
    assert len(wanted) == 7
    for address in wanted:
        answer = Client().get(address)
        assert answer.status_code == 200, address
        assert re.search(r"\.[0-9a-f]{12}\.", address), "named by its content"
        assert "max-age=315360000" in answer.headers["Cache-Control"]
        answer.close()


def test_what_a_style_sheet_asks_for_is_there(collected):
    for sheet in (collected / "nhsuk").rglob("*.css"):
        for address in re.findall(r"url\(\"?([^)\"]+)\"?\)", sheet.read_text()):
            assert not urlsplit(address).netloc
            assert (sheet.parent / address).exists(), address


def test_the_style_sheet_is_compressed_beforehand(collected):
    assert list((collected / "nhsuk" / "css").glob("*.css.br"))


def test_the_vendored_build_has_nothing_of_other_hosts():
    for path in SOURCE.rglob("*.*"):
        if path.suffix in (".css", ".js"):
            # What a licence asks to be kept names where its work comes from.
            text = re.sub(r"/\*!.*?\*/", "", path.read_text(), flags=re.DOTALL)
            assert not re.search(r"https?://|@font-face|sourceMappingURL", text), path


def test_the_vendored_build_is_the_one_that_the_pages_name():
    assert (
        f'version="{NHSUK_VERSION}"'
        in (SOURCE / "nhsuk" / "js" / f"nhsuk-frontend-{NHSUK_VERSION}.min.js").read_text()
    )
    assert (SOURCE / "nhsuk" / "LICENCE.txt").read_text().startswith("MIT License")


def test_cleaning_takes_out_fonts_and_maps_and_moves_images():
    css = (
        "a{b:c}@font-face{font-family:F;src:url(https://assets.nhs.uk/f.woff2)}"
        "i{background:url(/assets/images/x.svg)}/*# sourceMappingURL=a.css.map */"
    )
    assert clean_css(css) == "a{b:c}i{background:url(../images/x.svg)}"
