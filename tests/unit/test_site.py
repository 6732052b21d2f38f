"""The pages as a site: what `make docs` writes of them, and what it refuses. With zensical here, the real site too."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.site import CONFIG, DOCS, ROOT, SiteError, address, check, line_of, main, pages, stage

ZENSICAL = ROOT / ".cache" / "docs" / "bin" / "zensical"
REPOSITORY = "https://github.com/OWNER/pylambda"
SETTINGS = """
[project]
site_name = "some"
site_description = "what some is"
site_url = "https://OWNER.github.io/some/"
nav = [{ "Start" = "index.md" }, { "Write" = ["one.md"] }]
[project.extra]
source = "https://github.com/OWNER/some"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two pages."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / CONFIG).write_text(SETTINGS)
    (docs / "index.md").write_text("# Begin\n\nIt [begins](one.md) here. It goes on.\n")
    (docs / "one.md").write_text("# One\n\nThe only one.\n")
    (tmp_path / "app.py").write_text("import os\n\n\nclass A:\n    b = 1\n\n    def c(self): ...\n")
    return tmp_path


def staged(tree: Path, name: str = "index.md") -> str:
    stage(tree / "docs", tree / "build", owner="someone")
    return (tree / "build" / "docs" / name).read_text()


def test_a_page_that_is_not_in_the_navigation_is_refused(tree: Path) -> None:
    (tree / "docs" / "two.md").write_text("# Two\n")
    with pytest.raises(SiteError, match=r"docs/two.md is not in the navigation: name it in docs/zensical.toml"):
        pages(tree / "docs")


def test_a_page_that_the_navigation_alone_knows_is_refused(tree: Path) -> None:
    (tree / "docs" / "one.md").unlink()
    with pytest.raises(SiteError, match=r"names one\.md, and there is no such page"):
        pages(tree / "docs")


def test_a_page_begins_with_its_title(tree: Path) -> None:
    (tree / "docs" / "one.md").write_text("One\n")
    with pytest.raises(SiteError, match=r"docs/one.md does not begin with a heading"):
        pages(tree / "docs")


def test_a_link_out_of_the_pages_leads_to_the_repository(tree: Path) -> None:
    # Given links to a file, a folder, a name, and one in a block of code, which is none
    (tree / "docs" / "index.md").write_text(
        "# A\n\n[f](../app.py) [d](../docs) [n](../app.py#A.c)\n```sh\n[x](../y)\n```\n"
    )
    text = staged(tree)
    # Then they lead there, by the owner's address, and the name to its line
    source = "https://github.com/someone/some"
    assert f"[f]({source}/blob/main/app.py)" in text
    assert f"[d]({source}/tree/main/docs)" in text
    assert f"[n]({source}/blob/main/app.py#L7)" in text
    assert "[x](../y)" in text


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("../gone.py", "there is no ../gone.py"),
        ("../app.py#A.d", "app.py has no A.d"),
        ("gone.md", "there is no gone.md"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(tree: Path, link: str, said: str) -> None:
    with pytest.raises(SiteError, match=said):
        address(link, tree / "docs" / "index.md", REPOSITORY)


def test_the_name_of_a_page_is_its_title_there(tree: Path) -> None:
    (tree / "docs" / "index.md").write_text("# A\n\nSee [one.md](one.md#one) or [it](one.md).\n")
    assert "See [One](one.md#one) or [it](one.md)." in staged(tree)


def test_what_is_for_the_tests_is_not_on_the_site(tree: Path) -> None:
    (tree / "docs" / "one.md").write_text("# A\n\n<!-- run by tests/x.py -->\n```sh\nls\n```\n```text\nb\n```\n")
    assert staged(tree, "one.md") == "# A\n\n```sh\nls\n```\n\n```text\nb\n```\n"


def test_a_model_is_told_of_every_page(tree: Path) -> None:
    assert staged(tree, "llms.txt").splitlines() == [
        "# some",
        "",
        "> what some is",
        "",
        "## Start",
        "",
        "- [Begin](https://someone.github.io/some/): It begins here.",
        "",
        "## Write",
        "",
        "- [One](https://someone.github.io/some/one/): The only one.",
        "",
        "All pages as one text: https://someone.github.io/some/llms-full.txt",
    ]
    assert staged(tree, "llms-full.txt").count("\n# ") == 1


def test_names_are_found_in_classes_and_above() -> None:
    assert line_of(ROOT / "docs" / "site.py", "SiteError") < line_of(ROOT / "docs" / "site.py", "Html.handle_starttag")


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<a href="gone.html">', "index.html: gone.html leads nowhere"),
        ('<a href="../../etc/passwd">', "leads nowhere"),
        ('<a href="one.html#c">', "has an anchor that is not there"),
        ('<a href="#c">', "has an anchor that is not there"),
        ('<img src="gone.png">', "leads nowhere"),
        ('<a href="mailto:a@b">', "is no address of the web"),
        ('<a href="https:///x">', "is no address of the web"),
        ('<script src="https://cdn.example/x.js">', "is loaded from another site"),
        ('<link rel="stylesheet" href="//fonts.example/x">', "is loaded from another site"),
    ],
)
def test_a_site_with_such_a_link_is_refused(tmp_path: Path, html: str, said: str) -> None:
    (tmp_path / "one.html").write_text('<p id="a">')
    (tmp_path / "index.html").write_text(html)
    with pytest.raises(SiteError, match=said):
        check(tmp_path)


def test_a_site_whose_links_lead_somewhere_is_taken(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "index.html").write_text('<p id="a"><a href="..">')
    (tmp_path / "index.html").write_text(
        '<a href="one/#a"> <a href="/some/one/#a"> <a href="https://example.org/x"> <img src="data:,">'
        '<link rel="canonical" href="https://example.org/">'
    )
    assert check(tmp_path, "/some/") == 6


def test_every_page_is_in_the_navigation_and_every_link_into_the_tree_leads_somewhere(tmp_path: Path) -> None:
    stage(DOCS, tmp_path)
    assert sorted(path.name for path in (tmp_path / "docs").glob("*.md")) == sorted(p.name for p in DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real one, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    stage(DOCS, folder)
    done = subprocess.run(
        [ZENSICAL, "build", "--clean", "--strict"], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.mark.needs("docs")
def test_the_site_is_built_and_holds_together(site: Path) -> None:
    assert main(["check", str(site)]).endswith("lead somewhere")
    assert all((site / page.path.removesuffix(".md") / "index.html").exists() for page in pages(DOCS)[1:])
    assert (site / "llms.txt").read_text().startswith("# pylambda\n")


@pytest.fixture
def served(site: Path, tmp_path: Path) -> Iterator[str]:
    """Its address on this machine, below the path that it has on the web."""
    (tmp_path / "pylambda").symlink_to(site)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/pylambda/"
        server.shutdown()
        thread.join()


@pytest.mark.needs("docs")
@pytest.mark.needs("browser")
def test_a_reader_asks_no_other_site(served: str) -> None:
    from playwright.sync_api import sync_playwright

    # When a browser loads a page, with its scripts and what those ask for
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_request_finished(lambda request: request.url.endswith("/search.json")):
            page.goto(f"{served}web/", wait_until="networkidle")
        browser.close()
    # Then all came from here
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []
