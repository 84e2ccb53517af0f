"""Pictures of a study's page for docs/pictures: as it opens, one trial in full, and on a phone in the dark.

    python tests/benchmarks/page_pictures.py STUDY [-o docs/pictures]

Opens what `sparring report --page` writes of STUDY in headless Chromium; a picture has at most 150 kB.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Browser  # noqa: E402

from sparring.report import read_report  # noqa: E402
from sparring.report.dashboard.frozen import make_page  # noqa: E402

MOST_BYTES = 150_000

Box = tuple[float, float, float, float]
"""x, y, width, height in the page's pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="page-pictures-") as scratch:
        page = Path(scratch) / "page.html"
        page.write_text(make_page(read_report(options.study, yardsticks=False, cached=True)), encoding="utf-8")
        browser = Browser(Path(scratch) / "chromium")
        try:
            look(browser, page, width=1280)
            draw(browser, options.output / "page.png", (0, 0, 1280, 1500), 0.75)
            browser.evaluate("choose(study.head.best)")
            browser.wait_for("document.querySelector('#detail .smalls canvas') !== null")
            top = browser.evaluate("document.querySelector('#detail').getBoundingClientRect().y + scrollY")
            draw(browser, options.output / "page-trial.png", (0, top, 1280, 900), 0.75)
            look(browser, page, width=390, dark=True)
            draw(browser, options.output / "page-phone.png", (0, 0, 390, 1900), 0.8)
        finally:
            browser.close()


def look(browser: Browser, page: Path, *, width: int, dark: bool = False) -> None:
    browser.look(width=width, height=900, dark=dark)
    browser.open("about:blank")
    browser.open(page.as_uri())
    browser.wait_for("document.documentElement.dataset.opened", 120)
    browser.evaluate("redrawPlots(true)")
    assert browser.errors == [], browser.errors


def draw(browser: Browser, path: Path, box: Box, scale: float) -> None:
    clip = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": scale}
    data = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size <= MOST_BYTES, f"{path}: {size:,} bytes"
    print(f"{path}: {size:,} bytes")


if __name__ == "__main__":
    main()
