"""The program's own settings, in whatever folder it is started, and which machines can reach it.

Streamlit reads `.streamlit/config.toml` in the folder where it is started and beside the script that it starts. It
binds its socket before it imports that script, so the address is beside the script; the rest is applied here.
"""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamlit import cli_util, config
from streamlit.config_option import ConfigOption

from dashboard.origin import ALLOWED_HOSTS, is_loopback

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / ".streamlit" / "config.toml"
BY_COMMAND = "command-line argument or environment variable"  # as Streamlit marks what a person set
DEFAULT_PORT = 8501


def use_own_settings() -> None:
    """Apply this program's settings; what a person set by flag or environment variable stays."""
    elsewhere = str(Path.cwd() / ".streamlit" / "config.toml")  # of whatever lies in the folder where it was started
    for name, option in config.get_config_options().items():
        if option.where_defined == elsewhere != str(SETTINGS) and name.startswith(("theme.", "client.")):
            config.set_option(name, option.default_val, ConfigOption.DEFAULT_DEFINITION)
    if not SETTINGS.is_file():  # some programs leave out folders that begin with a dot when they copy
        return
    for name, value in _options(tomllib.loads(SETTINGS.read_text(encoding="utf-8"))):
        if config.get_where_defined(name) == BY_COMMAND:
            continue
        if name == "server.folderWatchList":
            value = [str(ROOT / folder) for folder in value]
        config.set_option(name, value, str(SETTINGS))


def _options(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted names and values of a TOML table."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _options(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def is_public_by_default() -> bool:
    """Whether Streamlit's own server listens to the whole network though nobody told it to."""
    return _is_streamlits_server() and not config.get_option("server.address")


def _is_streamlits_server() -> bool:
    return str(config._server_mode or "").startswith("starlette")  # another server was told its address by itself


def who_can_reach() -> str:
    """Who can open the pages and at which address, for the terminal; "" where the server is not Streamlit's."""
    if not _is_streamlits_server():
        return ""
    port, address = config.get_option("server.port"), config.get_option("server.address")
    moved = port != DEFAULT_PORT and not config.is_manually_set("server.port")
    lines = [f"Port {DEFAULT_PORT} is taken. Using port {port} instead."] if moved else []
    if is_loopback(address):
        lines.append(f"Only this machine can open Digit Lab: {_url(address, port)}")
    else:
        here = (
            config.get_option("browser.serverAddress") if config.is_manually_set("browser.serverAddress") else address
        )
        name = _network_name() if here in ("0.0.0.0", "::") else here
        lines.append(
            f"Other machines can open Digit Lab too, and start and delete runs without a password: {_url(name, port)}\n"
            f"It answers to this machine's address and to the names in {ALLOWED_HOSTS}."
        )
    return "\n".join(lines)


def open_browser() -> None:
    """Open the pages in this machine's browser, as Streamlit does for a script but not for an `st.App`."""
    if _is_streamlits_server() and not config.get_option("server.headless"):
        address = config.get_option("server.address")
        name = address if address not in ("0.0.0.0", "::") else "localhost"
        cli_util.open_browser(_url(name, config.get_option("server.port")))


def prefixes() -> list[str]:
    """The paths under which /api is mounted: "", and Streamlit's base path where it has one."""
    base = config.get_option("server.baseUrlPath").strip("/")
    return ["", f"/{base}"] if base else [""]


def _url(name: str, port: int) -> str:
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}{prefixes()[-1]}"


def _network_name() -> str:
    """This machine's address in its network, found without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of RFC 5737, for documentation; connecting a datagram socket only routes
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()
