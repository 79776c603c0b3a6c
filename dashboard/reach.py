"""The program's own settings, in whatever folder it is started, and which machines can reach it.

Streamlit reads `.streamlit/config.toml` in the folder where it is started and beside the script that it starts. It
binds its socket before it imports that script, so the address is beside the script; the rest is applied here. So are
the flags of the script itself, which come too late for Streamlit: see dashboard.serving.
"""

from __future__ import annotations

import ssl
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamlit import cli_util, config
from streamlit.config_option import ConfigOption

from core.home import home_folder
from core.storage import explain_os_error
from dashboard.origin import ALLOWED_HOSTS, allowed_hosts, host_name, is_loopback
from dashboard.server import running
from dashboard.serving import flags
from dashboard.serving.network import WILDCARDS, addresses, listen_to
from dashboard.serving.teacher_pin import check_pin

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ROOT / ".streamlit" / "config.toml"
BY_COMMAND = "command-line argument or environment variable"  # as Streamlit marks what a person set
BY_FLAG = "flag of the dashboard"  # what serve_as_asked has set
DEFAULT_PORT, HTTP_PORT, HTTPS_PORT = 8501, 80, 443


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
        config.set_option(name, value, str(SETTINGS))


def _options(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted names and values of a TOML table."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _options(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def serve_as_asked() -> None:
    """Read the flags after `--`, and listen to the network, and with the certificate, that they ask for.

    Raises:
        SystemExit: where a flag is unknown, the certificate cannot be written, the teacher's PIN is too short, or
            nobody said which address is meant.
    """
    if not _is_streamlits_server():
        return
    flags.read_flags(sys.argv[1:])
    if not config.get_option("server.address"):
        sys.exit("Digit Lab would accept connections from the whole network. Start it with --server.address localhost.")
    if flags.is_class():
        check_pin()
    if flags.is_class() and config.get_where_defined("server.address") != BY_COMMAND:
        config.set_option("server.address", WILDCARDS[0], BY_FLAG)
    context = None
    if flags.is_https() and not config.get_option("server.sslCertFile"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(_own_certificate())
    server = running()
    if server is not None and (context or config.get_where_defined("server.address") == BY_FLAG):
        listen_to(config.get_option("server.address"), server, context)


def _own_certificate() -> str:
    """The certificate that this machine made for all names that people open it by."""
    from dashboard.serving.certificate import certificate_file  # and cryptography with it, which http does without

    try:
        path = str(certificate_file(home_folder(), [*_names(), *addresses(), *map(host_name, allowed_hosts())]))
    except OSError as error:
        sys.exit(f"The certificate for https cannot be kept. {explain_os_error(error)}")
    for option in ("server.sslCertFile", "server.sslKeyFile"):  # cookies are for https then
        config.set_option(option, path, BY_FLAG)
    return path


def _is_streamlits_server() -> bool:
    return str(config._server_mode or "").startswith("starlette")  # another server was told its address by itself


def who_can_reach() -> str:
    """Who can open the pages and at which address, for the terminal; "" where the server is not Streamlit's."""
    if not _is_streamlits_server():
        return ""
    port, address = config.get_option("server.port"), config.get_option("server.address")
    moved = port != DEFAULT_PORT and not config.is_manually_set("server.port")
    lines = [f"Port {DEFAULT_PORT} is taken. Using port {port} instead."] if moved else []
    urls = [_url(name) for name in _names()]
    is_alone = is_loopback(address) and is_loopback(_names()[0])  # else a proxy may stand before it
    if flags.is_class():
        from dashboard.serving.board import board  # what a class alone needs

        made_here = config.get_where_defined("server.sslCertFile") == BY_FLAG
        lines.append(board(urls, f"{address}, port {port}", made_here=made_here))
    elif is_alone:
        lines.append(f"Only this machine can open Digit Lab: {urls[0]}")
    elif flags.others_write():
        lines.append(f"Everybody who can open Digit Lab can change everything: {urls[0]}")
    else:
        lines.append(f"Other machines can only look at Digit Lab: {urls[0]}")
        if address in WILDCARDS or is_loopback(address):
            lines.append(f"This machine can change everything: {_url('localhost', port)}")
        lines.append("For a class, end the command with: -- --class")
    if not is_alone:
        lines.append(f"It answers to this machine's address and to the names in {ALLOWED_HOSTS}.")
    return "\n".join(lines)


def _names() -> list[str]:
    """The names at which people open the pages, the one to tell them first."""
    address = config.get_option("server.address")
    if config.is_manually_set("browser.serverAddress"):
        return [config.get_option("browser.serverAddress")]
    return (addresses() or ["localhost"]) if address in WILDCARDS else [address]


def open_browser() -> None:
    """Open the pages in this machine's browser, as Streamlit does for a script but not for an `st.App`."""
    if _is_streamlits_server() and not config.get_option("server.headless"):
        address = config.get_option("server.address")
        name = address if address not in WILDCARDS else "localhost"
        cli_util.open_browser(_url(name, config.get_option("server.port")))


def prefixes() -> list[str]:
    """The paths under which everything is served: "", and Streamlit's base path where it has one, as in "/lab"."""
    base = config.get_option("server.baseUrlPath").strip("/")
    return ["", f"/{base}"] if base else [""]


def _url(name: str, port: int | None = None) -> str:
    """An address of the pages; without a port, at the one that people open, which may be a proxy's."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    if port is None and config.is_manually_set("browser.serverPort"):
        port = config.get_option("browser.serverPort")
        scheme = "https" if port == HTTPS_PORT else scheme
    port = port or config.get_option("server.port")
    shown = "" if (scheme, port) in (("http", HTTP_PORT), ("https", HTTPS_PORT)) else f":{port}"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}{shown}{prefixes()[-1]}"
