"""The documentation's links lead somewhere, and the README is short."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "export" / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "docs" / "quickstart.ipynb",
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"```.*?```", re.DOTALL)


def relative_links(page):
    """The targets within the repository that a page links to, each with its anchor or ''."""
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page):
    """The anchors that GitHub gives a page's headings."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_image_exists(page):
    for target, anchor in relative_links(page):
        assert target.exists(), f"{page.name} links to {target}, which does not exist"
        assert not anchor or anchor in anchors(target), f"{page.name}: no {anchor} in {target.name}"


def test_links_are_found():
    assert len(list(relative_links(ROOT / "README.md"))) > 10


def test_every_page_and_every_image_is_linked():
    linked = {target for page in PAGES for target, _ in relative_links(page)}
    files = {path for path in ROOT.glob("docs/*") if path.suffix in (".md", ".png", ".ipynb")}
    assert not files - linked


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_has_one_line_that_runs_the_tests():
    """`.ci/run` takes the line that starts with `$ ` and contains `pytest`."""
    lines = re.findall(r"^\$ (.*pytest.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(lines) == 1 and lines[0].startswith("python3 -m venv .venv && ")
