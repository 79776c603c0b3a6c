"""Behind nginx under a path prefix, with the configuration that is in docs: pages, WebSocket, uploads and the API."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw

from core.config import TrainingConfig
from core.data import Dataset
from dashboard.serving.certificate import certificate_file
from tests.support.browsing import PATIENCE, Dashboard, needs_browser, wait_until
from tests.support.paths import ROOT
from tests.support.runs import fill_run

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
pytestmark = [*needs_browser, pytest.mark.skipif(NGINX is None, reason="no nginx; install nginx to try its settings")]

MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/digitlab.conf;
}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, small_data: None, digits: Dataset) -> Iterator[str]:
    """The address of Digit Lab behind nginx, which stands for a proxy of a school."""
    folder = tmp_path_factory.mktemp("nginx")
    dashboard = Dashboard(folder / "home", "--server.baseUrlPath=lab")
    fill_run(dashboard.store.create(TrainingConfig(model="dense", epochs=3)), digits)
    dashboard.url += "/lab"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    certificate = certificate_file(folder, [])
    settings = (ROOT / "docs" / "nginx.conf").read_text()
    for documented, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name school.example", "server_name localhost"),
        ("/etc/ssl/school.example.pem", certificate),
        ("/etc/ssl/private/school.example.key", certificate),
        ("proxy_pass http://127.0.0.1:8501", f"proxy_pass http://127.0.0.1:{dashboard.port}"),
    ):
        assert settings.count(documented) == 1, documented
        settings = settings.replace(documented, str(here))
    (folder / "digitlab.conf").write_text(settings)
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    nginx = subprocess.Popen([NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    dashboard.start()
    wait_until((folder / "nginx.pid").exists)
    yield f"https://localhost:{port}/lab"
    nginx.terminate()
    nginx.wait(timeout=60)
    dashboard.end()


def ask(url: str, body: bytes | None = None) -> tuple[int, str]:
    """The status of an answer and its body."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60, context=ssl._create_unverified_context()) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def picture() -> bytes:
    """A photo of a 7, larger than what nginx keeps in memory and than what it lets through by default, 1 MB."""
    file, image = io.BytesIO(), Image.effect_noise((1600, 1600), 30).point(lambda value: value // 4 + 190)
    ImageDraw.Draw(image).line([(480, 400), (1120, 400), (800, 1300)], 20, 110, joint="curve")
    image.save(file, "PNG")
    assert 1 << 20 < file.tell() < 10 << 20
    return file.getvalue()


def test_pages_and_uploads_go_through_it_and_stay_below_the_prefix(proxy: str, browser: playwright.Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(proxy)  # without a slash at its end
    expect(page.get_by_role("heading", name="Train")).to_be_visible()
    expect(page.get_by_text("can only be looked at from other machines")).to_be_visible()  # as a proxy's visitor is one
    word = page.locator('a[href*="learn?word="]').first
    expect(word).to_have_attribute("href", re.compile("^/lab/learn"))
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Draw").click()
    expect(page).to_have_url(re.compile(re.escape(f"{proxy}/draw")))
    page.get_by_text("Picture", exact=True).click()
    upload = {"name": "seven.png", "mimeType": "image/png", "buffer": picture()}
    page.locator("input[type=file]").set_input_files(upload)
    expect(page.locator(".st-key-answer")).to_contain_text("7")
    assert not failed
    context.close()


def test_the_api_answers_below_the_prefix_and_counts_a_visitor_as_another_machine(proxy: str) -> None:
    assert ask(f"{proxy}/api/health") == (200, '{"status":"ok"}')
    assert ask(f"{proxy}/api/runs")[0] == 200
    status, words = ask(f"{proxy}/api/runs", b"{}")
    assert status == 403
    assert "Other machines can only read" in words
