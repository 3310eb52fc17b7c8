"""What is true of the repository itself: its locks, its files, its promises to the reader."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = sorted(
    [*ROOT.glob("requirements/*.txt"), ROOT / "layers/dependencies/requirements.txt"],
)

# Spelled in two halves, so that this file does not find itself.
REGISTRY_HOSTS = [
    f"{name}.{top}"
    for name, top in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("proxy.golang", "org"),
        ("sum.golang", "org"),
        ("registry.npmjs", "org"),
        ("crates", "io"),
        ("maven", "org"),
        ("deb.debian", "org"),
    ]
]
PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}")
ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root/\.\w|(?:home|Users|work)/\w)\w*")  # /root/{sha} is a route
SILENCED = re.compile(
    r"#\s*(?:noqa: [A-Z0-9]+(?:, ?[A-Z0-9]+)*|type: ignore\[[a-z, -]+\])(?P<reason>.*)$",
)

# Longer than a sitting's reading (250 lines), with the reason.
LONG_FILES: dict[str, str] = {}


def tracked() -> list[Path]:
    """Every file that is in the repository or would be added to it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of every text file of the repository."""
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(ROOT)), content.decode()


def pins(lock: Path) -> dict[str, str]:
    """Distribution -> version; with several for different Pythons, all of them in one string."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE):
        found[name] = f"{found[name]} {version}" if name in found else version
    return found


def requirements(source: Path) -> list[str]:
    """The distributions that an `.in` file asks for by name."""
    lines = re.findall(r"^([A-Za-z][A-Za-z0-9._-]*)", source.read_text(), re.MULTILINE)
    return [line.lower() for line in lines]


def test_no_registry_host_is_named() -> None:
    found = [f"{name}: {host}" for name, text in texts() for host in REGISTRY_HOSTS if host in text]
    assert found == []


def test_no_path_of_one_machine_is_named() -> None:
    found = [f"{name}: {match}" for name, text in texts() for match in MACHINE_PATH.findall(text)]
    assert found == []


@pytest.mark.parametrize("secret", [PRIVATE_KEY, ACCESS_KEY], ids=["private-key", "access-key"])
def test_no_secret_is_kept(secret: re.Pattern[str]) -> None:
    found = [f"{name}: {match[:40]}" for name, text in texts() for match in secret.findall(text)]
    assert found == []


def test_layer_ships_what_the_tests_run_on() -> None:
    tested = pins(ROOT / "requirements/dev.txt")
    shipped = pins(ROOT / "layers/dependencies/requirements.txt")
    assert shipped
    assert shipped == {name: tested.get(name) for name in shipped}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_lock_has_exact_versions_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_embedded_aws_is_pinned_by_hand() -> None:
    assert "ministack[full]==1.5.33" in (ROOT / "requirements/dev.in").read_text()


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs/adr/0004-dependencies.md").read_text()
    sources = [*ROOT.glob("requirements/*.in"), ROOT / "layers/dependencies/requirements.in"]
    asked = {name for source in sources for name in requirements(source)}
    assert sorted(name for name in asked if f"`{name}`" not in reasons) == []


def test_every_package_asks_only_for_what_is_locked() -> None:
    sources = [*ROOT.glob("requirements/*.in"), ROOT / "layers/dependencies/requirements.in"]
    locked = {name for source in sources for name in requirements(source)}
    asked = {
        re.split(r"[\[=<>~ ]", line, maxsplit=1)[0]
        for path in (ROOT / "layers/core/pyproject.toml", ROOT / "dev/pyproject.toml")
        for line in tomllib.loads(path.read_text())["project"]["dependencies"]
    }
    assert sorted(asked - locked) == []


def test_packages_have_one_version() -> None:
    versions = {
        tomllib.loads(path.read_text())["project"]["version"]
        for path in (ROOT / "layers/core/pyproject.toml", ROOT / "dev/pyproject.toml")
    }
    assert len(versions) == 1


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text()
    decisions = sorted(folder.glob("[0-9]*.md"))
    assert [path.name[:4] for path in decisions] == [f"{n + 1:04}" for n in range(len(decisions))]
    for path in decisions:
        text = path.read_text()
        assert f"]({path.name})" in index
        assert re.search(r"^Status: (Accepted|Superseded by|Proposed)", text, re.MULTILINE)


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE)
    assert targets
    assert targets == explained


def test_scripts_can_be_run() -> None:
    scripts = [path for path in tracked() if path.read_bytes().startswith(b"#!") and not path.stat().st_mode & 0o100]
    assert scripts == []


def test_files_stay_readable_in_one_sitting() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in tracked()
        if path.suffix == ".py" and not path.is_relative_to(ROOT / "tests")
    }
    assert {name for name, length in lengths.items() if length > 250} == set(LONG_FILES)


def test_every_text_file_ends_with_one_newline() -> None:
    ragged = [name for name, text in texts() if text and not re.search(r"[^\n]\n\Z", text)]
    assert ragged == []


def test_every_silenced_rule_has_its_reason() -> None:
    bare = [
        f"{name}:{number}"
        for name, text in texts()
        if name.endswith(".py")
        for number, line in enumerate(text.splitlines(), 1)
        if (match := SILENCED.search(line)) and len(match["reason"]) < 10
    ]
    assert bare == []
