"""A whole WordPress as an operator installs it: its database, its pages, and the unmodified Akismet plugin.

Only our must-use plugin is added, and what `deploy/switch-wordpress.md` says is written into `wp-config.php`.
"""

import getpass
import html
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.service import REPOSITORY

PLUGIN = REPOSITORY / "deploy" / "wordpress" / "comment-moderation.php"
PLACES = ("/usr/local/share/wordpress", "/usr/share/wordpress")
SOURCES = next((place for place in PLACES if Path(place, "wp-content/plugins/akismet").exists()), "")
PROGRAMS = ("php", "mariadbd", "mariadb-install-db", "mariadb")
MISSING = [one for one in PROGRAMS if not shutil.which(one)] + (
    [] if SOURCES else ["WordPress with its Akismet plugin"]
)
PASSWORD = "Correct-horse-9"
SETTINGS = "/wp-admin/options-general.php?page=akismet-key-config"

CONFIG = """<?php
define( 'DB_NAME', 'blog' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{socket}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
define( 'DISABLE_WP_CRON', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
define( 'COMMENT_MODERATION_URL', trim( file_get_contents( __DIR__ . '/address' ) ) );
define( 'COMMENT_MODERATION_SECRET', trim( file_get_contents( __DIR__ . '/secret' ) ) );
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {{
	define( 'ABSPATH', __DIR__ . '/' );
}}
require_once ABSPATH . 'wp-settings.php';
"""


class Blog:
    """A running WordPress; what its admin and its readers do is done through its pages."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.admin = self._browser()

    def _browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, follow_redirects=True, timeout=60, trust_env=False)

    def led_to(self, address: str, secret: str = "") -> None:
        """Write the address of the service, and the secret of its webhook, into the site's configuration."""
        (self.folder / "site" / "address").write_text(address)
        (self.folder / "site" / "secret").write_text(secret)

    def install(self) -> None:
        """Install it through its own page, sign in, and switch the plugin on."""
        asked = {
            "weblog_title": "Blog", "user_name": "admin", "admin_password": PASSWORD, "admin_password2": PASSWORD, "pw_weak": "on",
            "admin_email": "admin@blog.example", "blog_public": "0",
        }  # fmt: skip
        assert "Success!" in self.admin.post("/wp-admin/install.php?step=2", data=asked).text
        # readers whom nobody has approved before are published, so that what holds a comment is the check
        self.query("update wp_options set option_value = '0' where option_name = 'comment_previously_approved'")
        self.admin.get("/wp-login.php")
        signed_in = self.admin.post(
            "/wp-login.php", data={"log": "admin", "pwd": PASSWORD, "redirect_to": f"{self.url}/wp-admin/plugins.php", "testcookie": "1"}
        )  # fmt: skip
        self.follow(r"plugins\.php\?action=activate[^\"]*akismet[^\"]*", signed_in.text)

    def follow(self, link: str, page: str) -> str:
        """Follow a link of a page of the admin's."""
        found = re.search(link, page)
        assert found, f"no link like {link}"
        return self.admin.get("/wp-admin/" + html.unescape(found[0])).text

    def enter(self, key: str) -> str:
        """Enter a key on the plugin's page; gives what the page says then."""
        page = self.admin.get(f"{SETTINGS}&view=start").text
        form = dict(re.findall(r'name="(_wpnonce|action)" value="([^"]*)"', page))
        return self.told(self.admin.post(SETTINGS, data={**form, "key": key, "submit": "Connect with API key"}).text)

    def told(self, page: str) -> str:
        """Give the words of a page."""
        bare = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page)
        return " ".join(html.unescape(bare).split())

    def comment(self, text: str, name: str = "Ann", email: str = "ann@posteo.net") -> int:
        """Write a comment as a reader does under the first article; gives its number."""
        # WordPress lets nobody write twice in fifteen seconds
        self.query("update wp_comments set comment_date_gmt = date_sub(comment_date_gmt, interval 1 minute)")
        with self._browser() as reader:
            form = dict(
                re.findall(r'name="(ak_[a-z_]+|akismet_comment_nonce)" value="([^"]*)"', reader.get("/?p=1").text)
            )
            fields = {
                "comment": text,
                "author": name,
                "email": email,
                "url": "",
                "comment_post_ID": "1",
                "comment_parent": "0",
            }
            answer = reader.post("/wp-comments-post.php", data=form | fields)
        assert answer.status_code == 200, self.told(answer.text)
        return int(self.query("select max(comment_ID) from wp_comments"))

    def status(self, comment: int) -> str:
        """Give where a comment stands: 1, 0, spam or trash."""
        return self.query(f"select comment_approved from wp_comments where comment_ID = {comment}")

    def act(self, comment: int, action: str) -> None:
        """Follow a link below a comment in the admin's list."""
        page = self.admin.get("/wp-admin/edit-comments.php?comment_status=all").text
        page += self.admin.get("/wp-admin/edit-comments.php?comment_status=spam").text
        self.follow(rf"comment\.php\?(?=[^\"']*c={comment}\b)(?=[^\"']*action={action}\b)[^\"']*", page)

    def recheck_queue(self) -> str:
        """Press the button that has everything in the queue checked again."""
        page = self.admin.get("/wp-admin/edit-comments.php?comment_status=moderated").text
        button = re.search(r"<a[^>]*checkforspam[^>]*data-nonce=\"([0-9a-f]+)\"", page)
        assert button, "no button"
        asked = {"action": "akismet_recheck_queue", "offset": "0", "limit": "100", "nonce": button[1]}
        return self.admin.post("/wp-admin/admin-ajax.php", data=asked).text

    def recheck_by_clock(self) -> None:
        """Do what the clock does when a check failed twenty minutes ago."""
        program = f"require '{self.folder}/site/wp-load.php'; do_action( 'akismet_schedule_cron_recheck' );"
        subprocess.run(["php", *QUIET, "-r", program], check=True, capture_output=True, timeout=60)

    def query(self, statement: str) -> str:
        """Ask its database."""
        command = [
            "mariadb",
            "--no-defaults",
            "-uroot",
            "-S",
            str(self.folder / "db.sock"),
            "-N",
            "-B",
            "blog",
            "-e",
            statement,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


QUIET = ("-d", "error_reporting=E_ERROR", "-d", "sendmail_path=/bin/true")


@contextmanager
def blogging() -> Iterator[Blog]:
    """Install and run WordPress until the block ends. Its database is in memory where there is room: it is thrown away."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        folder = Path(place)
        # the sources as Debian has them, without what links to somewhere else
        site = shutil.copytree(SOURCES, folder / "site", ignore_dangling_symlinks=True, ignore=_ours)
        (site / "wp-config.php").write_text(CONFIG.format(socket=folder / "db.sock"))
        (site / "wp-content" / "mu-plugins").mkdir()
        shutil.copy(PLUGIN, site / "wp-content" / "mu-plugins")
        with _database(folder), _pages(folder) as url:
            blog = Blog(folder, url)
            blog.query("select 1")
            yield blog
            blog.admin.close()


def _ours(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("wp-config.php", "mu-plugins", "uploads")]


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    made = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={folder}/db",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    subprocess.run([*made, f"--user={getpass.getuser()}"], check=True, capture_output=True, timeout=120)
    log = folder / "db.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--user={getpass.getuser()}", f"--datadir={folder}/db", f"--socket={folder}/db.sock", "--skip-networking"],
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        _wait(lambda: "ready for connections" in log.read_text(), server)
        create = ["mariadb", "--no-defaults", "-uroot", "-S", f"{folder}/db.sock", "-e", "create database blog"]
        subprocess.run(create, check=True, capture_output=True, timeout=60)
        yield
    finally:
        server.kill()
        server.wait()


@contextmanager
def _pages(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # an installation asks itself for a page, which one process alone would wait for in vain
    environ = {**os.environ, "PHP_CLI_SERVER_WORKERS": "2"}
    command = ["php", *QUIET, "-S", f"127.0.0.1:{port}", "-t", str(folder / "site")]
    with open(folder / "php.log", "wb") as out:
        server = subprocess.Popen(
            command, cwd=folder / "site", env=environ, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait(lambda: "started" in (folder / "php.log").read_text(), server)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait(ready, server) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert server.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it does not start"
        time.sleep(0.05)
