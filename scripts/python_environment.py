"""A virtual environment outside the checkout for the analysers of contracts, as pinned in a file of requirements."""
import os
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def home(name: str) -> Path:
    """Where the environment of `scripts/{name}` is, and its builds."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / f"tatum-{name}"


def install(name: str) -> None:
    """What `scripts/{name}-requirements.txt` asks for, unless it is there."""
    requirements, stamp = ROOT / f"scripts/{name}-requirements.txt", home(name) / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        venv.create(home(name), with_pip=True, clear=True)
        subprocess.run([home(name) / "bin/pip", "install", "--quiet", "-r", requirements], check=True)
        stamp.write_text(requirements.read_text())
