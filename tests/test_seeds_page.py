"""docs/seeds.md stays true: the files, names, commands and links in it are there, and what is to come is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

import orderwright
from orderwright import Broker, MockExecutor
from orderwright.cli import app

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "orderwright"
PAGE = ROOT / "docs" / "seeds.md"
TEXT = PAGE.read_text(encoding="utf-8")
STILL_TO_COME = {"trading/binance_connector.py"}
NOT_KEPT = {"backend/models.py", "api/order_routes.py", "api/tradingview_routes.py"}
ELSEWHERE = {"binance_connector.py"}  # the page names them after their folder, trading/

FILES = sorted(set(re.findall(r"`([\w/]+\.py)`", TEXT)) - NOT_KEPT - ELSEWHERE)
FOLDERS = sorted(set(re.findall(r"`([\w/]+/)`", TEXT)) - {"src/orderwright/"})
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT)))
COMMANDS = sorted(set(re.findall(r"`orderwright ([^`]+)`", TEXT)))
A_NAME = r"`([\w.]+)`"
SOME_NAMES = re.compile(rf"((?:{A_NAME}(?:, | and | of ))*{A_NAME}) in `([\w/]+\.py)`")
CLASSES = re.findall(r"^\| `(\w+)` \| (.*`.*) \| ", TEXT.partition("## 002")[0], re.MULTILINE)


def test_the_page_is_read_as_it_is_written() -> None:
    """The patterns above find something of each kind; a rewritten page does not pass unread."""
    assert {"broker/broker.py", "core/model.py"} <= set(FILES)
    assert {"journal/", "analytics/portfolio/"} <= set(FOLDERS)
    assert {"mirror.md", "#limits"} <= set(LINKS)
    assert {"report --html", "log backup"} <= set(COMMANDS)
    assert {"Broker", "Trade", "ExternalAPI"} <= {kind for kind, _ in CLASSES}


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_named_is_there(path: str) -> None:
    assert (SOURCE / path).is_file()


@pytest.mark.parametrize("path", FOLDERS)
def test_a_folder_that_is_named_is_there(path: str) -> None:
    assert (SOURCE / path).is_dir()


@pytest.mark.parametrize("path", sorted(STILL_TO_COME | NOT_KEPT))
def test_a_file_that_is_said_not_to_be_here_is_not(path: str) -> None:
    assert not (SOURCE / path).exists()


@pytest.mark.parametrize("found", list(SOME_NAMES.finditer(TEXT)), ids=lambda found: found[0])
def test_a_name_is_in_the_file_that_is_named_with_it(found: re.Match[str]) -> None:
    source = (SOURCE / found[4]).read_text(encoding="utf-8")
    names = [name.rpartition(".")[2] for name in re.findall(A_NAME, found[1])]

    assert [name for name in names if not re.search(rf"\b{name}\b", source)] == []


@pytest.fixture(scope="module")
def instances() -> dict[str, Any]:
    """Those whose attributes are not all to be seen on the class."""
    mock = MockExecutor(minutes=10)
    return {"Broker": Broker(mock), "Executor": mock, "GenericExecutor": mock, "MockExecutor": mock}


@pytest.mark.parametrize(("kind", "names"), CLASSES)
def test_a_class_of_000_and_001_has_every_name_of_its_row(kind: str, names: str, instances: dict[str, Any]) -> None:
    holder = instances.get(kind, getattr(orderwright, kind))

    assert [name for name in re.findall(r"`([a-z_]+)`", names) if not hasattr(holder, name)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_and_its_options_are_there(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for word in command.split():
        if word.startswith("--"):
            assert word in {option for parameter in found.params for option in parameter.opts}
        elif hasattr(found, "commands"):
            assert word in found.commands
            found = found.commands[word]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    name, _, heading = link.partition("#")
    target = PAGE.parent / name if name else PAGE
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}

    assert not heading or heading in anchors
