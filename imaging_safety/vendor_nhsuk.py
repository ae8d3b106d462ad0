"""Renews the vendored build of the NHS.UK design system, so that nobody needs Node.

    npm pack nhsuk-frontend@10.6.1
    python -m imaging_safety.vendor_nhsuk nhsuk-frontend-10.6.1.tgz

Keep its version level with `nhsuk-frontend-jinja` in requirements.in: the macros and the style
sheet belong together. Then set NHSUK_VERSION in imaging_safety/jinja.py and look at the pages.
"""

import re
import sys
import tarfile
from pathlib import Path

TARGET = Path(__file__).parent / "static" / "nhsuk"
BUILT = "package/dist/nhsuk"
ICONS = ("favicon.ico", "favicon.svg", "nhsuk-icon-180.png")

# The licence lets websites under nhs.uk use Frutiger from NHS England's own host; our pages
# fetch nothing from outside, and fall back to Arial as the design system says.
FONT_FACE = re.compile(r"@font-face\s*{[^}]*}")
SOURCE_MAP = re.compile(r"(/\*#|//#) ?sourceMappingURL=[^\s*]*( ?\*/)?")
IMAGE = re.compile(r"url\(/assets/images/([\w.-]+)\)")


def vendor(tarball: Path, target: Path = TARGET) -> list[Path]:
    """Write what the pages use, and say what was written."""
    with tarfile.open(tarball) as package:
        version = _version(package)
        css = clean_css(_text(package, f"nhsuk-frontend-{version}.min.css"))
        js = SOURCE_MAP.sub("", _text(package, f"nhsuk-frontend-{version}.min.js"))
        files = {
            f"css/nhsuk-frontend-{version}.min.css": css.encode(),
            f"js/nhsuk-frontend-{version}.min.js": js.encode(),
        }
        for name in {*ICONS, *_images(css)}:
            files[f"images/{name}"] = _bytes(package, f"assets/images/{name}")
    return [_write(target / name, content) for name, content in sorted(files.items())]


def clean_css(css: str) -> str:
    """The style sheet without anything that lies outside our own static files."""
    css = SOURCE_MAP.sub("", FONT_FACE.sub("", css))
    return IMAGE.sub(r"url(../images/\1)", css)


def _images(css: str) -> list[str]:
    return re.findall(r"url\(\.\./images/([\w.-]+)\)", css)


def _version(package: tarfile.TarFile) -> str:
    names = " ".join(package.getnames())
    found = re.search(rf"{BUILT}/nhsuk-frontend-(\d+\.\d+\.\d+)\.min\.css", names)
    if not found:
        raise SystemExit("That archive holds no built style sheet of nhsuk-frontend.")
    return found.group(1)


def _bytes(package: tarfile.TarFile, name: str) -> bytes:
    member = package.extractfile(f"{BUILT}/{name}")
    if member is None:
        raise SystemExit(f"That archive holds no {name}.")
    return member.read()


def _text(package: tarfile.TarFile, name: str) -> str:
    return _bytes(package, name).decode()


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    for written in vendor(Path(sys.argv[1])):
        sys.stdout.write(f"{written}\n")
