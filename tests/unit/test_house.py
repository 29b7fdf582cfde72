"""The house: its layout, its one version, its locks, what a start loads, and what the wheel holds."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import audiofeat

ROOT = Path(__file__).parents[2]
PACKAGES = ("audiofeat", "workers", "schemas")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-annoy.lock")
TOP_LEVEL = {
    *PACKAGES, *LOCKS, "tests", "samples", "docker", "docs", ".ci",
    "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "mkdocs.yml", "catalog-info.yaml",
    ".gitignore", ".pre-commit-config.yaml",
}  # fmt: skip
HEAVY = (
    "alembic",
    "annoy",
    "boto3",
    "celery",
    "essentia",
    "fastapi",
    "kombu",
    "librosa",
    "scipy",
    "sqlalchemy",
    "voyager",
)


def files() -> list[str]:
    """Return what belongs to the project, as git sees it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [path for path in listed.stdout.splitlines() if (ROOT / path).exists()]


def test_the_top_level_is_as_fixed() -> None:
    """Nothing is added beside the fixed folders and files, and none of them is missing."""
    assert {path.split("/")[0] for path in files()} == TOP_LEVEL


def test_the_version_is_one() -> None:
    """The package, the project's file and the installed metadata say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert audiofeat.__version__ == project["version"] == importlib.metadata.version("audiofeat")


def test_folders_that_are_no_packages_have_no_init() -> None:
    """An ``__init__.py`` would let ``docker/`` stand before the real package of that name."""
    folders = ("tests", "samples", "docker", "docs")
    assert not [path for folder in folders for path in (ROOT / folder).rglob("__init__.py")]


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_have_hashes_and_no_urls(lock: str) -> None:
    """Every requirement is pinned, has a hash, and comes from whatever index the installer is set to."""
    text = (ROOT / lock).read_text()
    assert "://" not in text
    pinned = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"^[\w.\[\]-]+==\S+", entry) and "--hash=sha256:" in entry for entry in pinned)


COMMANDS = """
import sys
import typer
from audiofeat.cli.main import app
group = typer.main.get_command(app)
before = set(sys.modules)
assert all(group.get_command(None, name) for name in group.list_commands(None))
for loaded in (before, set(sys.modules)):
    print(*sorted({name.split(".")[0] for name in loaded}))
"""


def test_the_command_line_starts_light() -> None:
    """No command loads a broker, server, database, object store or analysis library; without one, not even numpy is."""
    ran = subprocess.run([sys.executable, "-c", COMMANDS], capture_output=True, text=True, check=True)
    before, after = (set(line.split()) for line in ran.stdout.splitlines())
    assert not set(HEAVY) & after
    assert not {"numpy", "rapidfuzz", "pydantic_settings"} & before
    assert {"numpy", "rich", "typer"} < after


def test_every_ruff_ignore_has_its_reason() -> None:
    """A rule is switched off for all files only with a comment on its line."""
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed
    bare = [line for line in listed[1].splitlines() if not re.search(r'"[A-Z]+\d+",\s+# \w+', line)]
    assert not bare


def test_every_suppression_has_its_reason() -> None:
    """Whoever silences a tool on a line, or skips a test, says why on that line."""
    silenced = re.compile(r"#\s*(?:noqa|type: ignore|pragma: no cover)")
    codes = r"noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*(?!,)|type: ignore\[[\w, -]+\]|pragma: no cover"
    reasoned = re.compile(rf"#\s*(?:{codes})\W+(?![A-Z]+\d)\w")
    sources = [ROOT / path for path in files() if path.endswith(".py")]
    lines = [f"{path}: {line}" for path in sources for line in path.read_text().splitlines() if silenced.search(line)]
    assert not [line for line in lines if not reasoned.search(line)]


def test_modules_stay_short() -> None:
    """Past 300 lines a module is two; half of them have 120 or less."""
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in files() if path.endswith(".py")}
    ours = {path: lines for path, lines in lengths.items() if path.startswith(PACKAGES)}
    assert sorted(ours.values())[len(ours) // 2] <= 120
    assert not {path: lines for path, lines in ours.items() if lines > 300}


def test_tasks_are_thin() -> None:
    """A task has at most fifteen lines, its docstring among them."""
    tree = ast.parse((ROOT / "workers" / "tasks.py").read_text())
    tasks = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert tasks
    assert all((task.end_lineno or 0) - task.lineno < 15 for task in tasks)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for path in files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, source / path)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "for setuptools" in built.stderr:
        pytest.skip("no package index can be reached, and setuptools comes from one")
    assert not built.returncode, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_three_packages_and_their_files(wheel: Path) -> None:
    """Whatever the packages have in the checkout is in the wheel, weights and schemas included, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {path for path in files() if path.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert inside == ours | {"audiofeat/_native.abi3.so"}
    for needed in ("features/filters.npz", "features/speech_model.json", "domain/reference/track-2.json"):
        assert f"audiofeat/{needed}" in inside


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment that has the wheel, and the dependencies of this one by reference."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A path named in a .pth file has its own .pth files left alone: the checkout stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_installed_wheel_works_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Version, ledger with its migrations, and a whole analysis with its data files come from the wheel alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "PYTHON"))}

    def run(*command: str) -> str:
        ran = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not ran.returncode, ran.stderr
        return ran.stdout

    command = str(installed / "bin" / "audiofeat")
    places = run(
        str(installed / "bin" / "python"), "-c", "import audiofeat, schemas, workers; print(audiofeat.__file__)"
    )
    assert Path(places.strip()).is_relative_to(installed)
    assert run(command, "--version").strip() == f"audiofeat {audiofeat.__version__}"
    run(command, "failures", "--json")
    assert (tmp_path / ".audiofeat" / "catalogue.sqlite3").exists()
    sample = ROOT / "samples" / "audio" / "piano_late_train.ogg"
    assert '"status": "ok"' in run(command, "analyse", "--json", str(sample))
