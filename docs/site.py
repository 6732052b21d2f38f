"""The pages of docs/ as a site: `make docs` stages them, has zensical build them, and checks what came out.

    stage    copies the pages into build/docs, with the addresses that a site needs, and writes llms.txt beside them
    check    refuses a site with a link that leads nowhere, or with a part that is loaded from another place

The pages are written for GitHub, where they are read too. A link out of docs/ becomes one to the repository; one to a
name in a Python file, such as `../runtime/pylambda/loop.py#Loop.run`, becomes one to the line where that name is now.
"""

import argparse
import ast
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIG = "zensical.toml"
# What a page may show.
PICTURES = {".png", ".svg"}
# In the pages and the settings, until there is one.
OWNER = "OWNER"
LINK = re.compile(r"\]\((?P<address>[^()\s]+)\)")
NAMED = re.compile(r"\[(?P<name>\w+\.md)\](?=\((?P=name))")
LINKED = re.compile(r"\[([^\]]+)\]\([^()\s]+\)")
SENTENCE = re.compile(r".*?\.(?= |$)")
FENCE = re.compile(r"^(?P<fence>```+)\w*\n.*?^(?P=fence)$", re.MULTILINE | re.DOTALL)
RUNNER = re.compile(r"^<!-- run by \S+ -->\n", re.MULTILINE)
# Where a page of HTML names another file, and whether a reader's browser loads it by itself.
ADDRESSES = {"href": False, "src": True, "srcset": True, "poster": True, "data": True}
# `<link>` loads, but for these.
ONLY_NAMED = {"canonical", "prev", "next", "edit", "alternate"}


class SiteError(Exception):
    """Raised when the pages cannot be a site; the message names the page and the mend."""


class Page(NamedTuple):
    """A page of the site.

    Attributes:
        path: its file's name.
        section: the heading that it stands under in the navigation.
        title: its first heading.
        about: its first sentence, without links.
        text: all of it.
    """

    path: str
    section: str
    title: str
    about: str
    text: str


def pages(docs: Path) -> list[Page]:
    """Return the pages that the navigation names, in its order.

    Raises:
        SiteError: it leaves one out, or names one that is not there.
    """
    nav = tomllib.loads((docs / CONFIG).read_text())["project"]["nav"]
    named = [(section, path) for entry in nav for section, path in _entries(entry)]
    there, listed = {path.name for path in docs.glob("*.md")}, {path for _, path in named}
    if left_out := sorted(there - listed):
        raise SiteError(f"docs/{left_out[0]} is not in the navigation: name it in docs/{CONFIG}")
    if gone := sorted(listed - there):
        raise SiteError(f"docs/{CONFIG} names {gone[0]}, and there is no such page in docs/")
    return [_page(docs / path, section) for section, path in named]


def _entries(entry: dict[str, str | list[str]]) -> Iterator[tuple[str, str]]:
    ((title, held),) = entry.items()
    yield from [(title, path) for path in ([held] if isinstance(held, str) else held)]


def _page(file: Path, section: str) -> Page:
    text = file.read_text()
    title, _, rest = text.partition("\n")
    if not title.startswith("# "):
        raise SiteError(f"docs/{file.name} does not begin with a heading: its first line is to be `# ` and a title")
    about = SENTENCE.match(" ".join(rest.split()))
    return Page(file.name, section, title.removeprefix("# "), LINKED.sub(r"\1", about[0] if about else ""), text)


def stage(docs: Path, into: Path, *, owner: str = OWNER) -> None:
    """Write what zensical builds from.

    Args:
        docs: the folder of the pages.
        into: an empty or missing folder `docs` is made in there, beside the settings.
        owner: who has the repository, for addresses.

    Raises:
        SiteError: a page is not in the navigation, or a link into the tree leads nowhere.
    """
    staged = into / "docs"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    found = pages(docs)
    settings = (docs / CONFIG).read_text().replace(OWNER, owner)
    project = tomllib.loads(settings)["project"]
    (into / CONFIG).write_text(settings)
    for picture in docs.iterdir():
        if picture.suffix in PICTURES:
            shutil.copyfile(picture, staged / picture.name)
    titles = {page.path: page.title for page in found}
    source = project["extra"]["source"]
    texts = {page.path: for_site(docs / page.path, source, titles).replace(OWNER, owner) for page in found}
    for path, text in texts.items():
        (staged / path).write_text(text)
    (staged / "llms.txt").write_text(index_of(found, project))
    (staged / "llms-full.txt").write_text("\n\n".join(texts.values()))


def index_of(found: list[Page], project: dict[str, Any]) -> str:
    """Return what a language model is told of the site: https://llmstxt.org/."""
    lines = [f"# {project['site_name']}", "", f"> {project['site_description']}"]
    section = ""
    for page in found:
        if page.section != section:
            section = page.section
            lines += ["", f"## {section}", ""]
        address = project["site_url"] + ("" if page.path == "index.md" else page.path.removesuffix(".md") + "/")
        lines.append(f"- [{page.title}]({address}): {page.about}")
    return "\n".join([*lines, "", "All pages as one text: " + project["site_url"] + "llms-full.txt", ""])


def for_site(file: Path, repository: str, titles: dict[str, str]) -> str:
    """Return the text of a page with its links as the site needs them.

    Args:
        file: the page.
        repository: the address of the repository.
        titles: of the pages, which stand there for the names of their files.

    Raises:
        SiteError: a link into the tree leads nowhere.
    """
    # Two blocks of code without a line between them are two paragraphs there, and one here.
    text = RUNNER.sub("", file.read_text()).replace("\n```\n```", "\n```\n\n```")
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [_linked(text[end : fence.start()], file, repository, titles), fence[0]]
        end = fence.end()
    return "".join([*parts, _linked(text[end:], file, repository, titles)])


def _linked(text: str, file: Path, repository: str, titles: dict[str, str]) -> str:
    text = NAMED.sub(lambda link: f"[{titles.get(link['name'], link['name'])}]", text)
    return LINK.sub(lambda link: f"]({address(link['address'], file, repository)})", text)


def address(link: str, file: Path, repository: str) -> str:
    """Return where a link of a page leads on the site.

    Raises:
        SiteError: it leads nowhere.
    """
    if "://" in link or link.startswith("#"):
        return link
    path, _, anchor = link.partition("#")
    target = Path(os.path.normpath(file.parent / path))
    if not target.exists():
        raise SiteError(f"{file.name}: there is no {path}")
    if target.parent == file.parent:
        return link
    place = target.relative_to(file.parents[1]).as_posix()
    line = f"#L{line_of(target, anchor)}" if anchor and target.suffix == ".py" else f"#{anchor}" if anchor else ""
    return f"{repository}/{'tree' if target.is_dir() else 'blob'}/main/{place}{line}"


def line_of(file: Path, name: str) -> int:
    """Return the line on which a Python file defines a name such as `Loop.run`.

    Raises:
        SiteError: it defines none.
    """
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    line = 0
    for part in name.split("."):
        found = next((node for node in body if part in _defined(node)), None)
        if found is None:
            raise SiteError(f"{file.name} has no {name}: name one that it has")
        line, body = found.lineno, getattr(found, "body", [])
    return line


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


class Html(HTMLParser):
    """What a page of the site names.

    Attributes:
        ids: its anchors.
        links: where it leads to.
        loads: what a browser loads with it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        for name, loaded in ADDRESSES.items():
            if name in values:
                named = not loaded and (tag != "link" or values.get("rel") in ONLY_NAMED)
                (self.links if named else self.loads).append(values[name])


def check(site: Path, root: str = "/") -> int:
    """Return how many links of a built site lead somewhere, which is all of them.

    Other sites are not asked: of an address that leads to one only its shape is looked at.

    Args:
        site: its folder.
        root: the path that the folder has on the web.

    Raises:
        SiteError: one does not, or a page loads something from another site; a line for each.
    """
    documents = {file: Html(file.read_text()) for file in site.rglob("*.html")}
    wrong, count = [], 0
    for file, document in documents.items():
        for link in document.links + document.loads:
            count += 1
            if why := _wrong(link, file, (site, root), documents, loaded=link in document.loads):
                wrong.append(f"{file.relative_to(site)}: {link} {why}")
    if wrong:
        raise SiteError("\n".join(wrong))
    return count


def _wrong(link: str, file: Path, place: tuple[Path, str], documents: dict[Path, Html], *, loaded: bool) -> str:
    (site, root), parts = place, urlsplit(link)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        if loaded:
            return "is loaded from another site"
        return "" if parts.scheme in ("https", "http") and parts.hostname else "is no address of the web"
    path = unquote(parts.path)
    folder = site if path.startswith("/") else file.parent
    target = Path(os.path.normpath(folder / path.removeprefix(root))) if path else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(site):
        return "leads nowhere"
    anchor = unquote(parts.fragment)
    missing = anchor and target in documents and anchor not in documents[target].ids
    return "has an anchor that is not there" if missing else ""


def main(arguments: list[str] | None = None) -> str:
    """Return what the command prints. Raises SiteError."""
    top = argparse.ArgumentParser(prog="python -m docs.site", description="The pages of docs/ as a site")
    commands = top.add_subparsers(dest="command", required=True)
    staging = commands.add_parser("stage", help="write what zensical builds from")
    staging.add_argument("into", type=Path)
    staging.add_argument("--owner", default="", help="who has the repository")
    commands.add_parser("check", help="look at a built site").add_argument("site", type=Path)
    chosen = top.parse_args(arguments)
    if chosen.command == "stage":
        stage(DOCS, chosen.into, owner=chosen.owner or OWNER)
        return f"{len(pages(DOCS))} pages in {chosen.into}"
    root = urlsplit(tomllib.loads((DOCS / CONFIG).read_text())["project"]["site_url"]).path
    return f"{check(chosen.site, root)} links of {chosen.site} lead somewhere"


if __name__ == "__main__":
    try:
        print(main())
    except SiteError as error:
        sys.exit(f"docs: {error}")
