"""The folders and the browser of the tests: Chromium without a network, every request it would make logged."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs import skip_or_fail
from pages import build_pages
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, as in a container
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",  # nobody listens there
    "--window-size=1000,900",
)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Make a folder that anyone may use, as the folders of pytest are only for who runs it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    binary, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if binary is None or driver is None:
        skip_or_fail("KLAVNB_REQUIRE_BROWSER", f"chromium ({binary}) or chromedriver ({driver}) is missing")
    options = ChromeOptions()
    options.binary_location = str(binary)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    try:
        chrome = Chrome(options=options, service=Service(str(driver)))
    except WebDriverException as error:
        skip_or_fail("KLAVNB_REQUIRE_BROWSER", f"the browser does not start: {error.msg}")
    yield chrome
    chrome.quit()


@pytest.fixture(scope="session")
def every_page(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    """All pages, made once however many processes run the tests."""
    own = tmp_path_factory.getbasetemp()
    return build_pages((own if worker_id == "master" else own.parent) / "pages")
