"""A network of this machine for scripts that ask it things: `tatum devnet` with a folder and ports of its own, stopped at the end."""
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from python_environment import ROOT

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/tatum-target"))


@contextmanager
def own_network():
    """What `tatum devnet` says of the network that it runs, and a folder that is gone with it."""
    environment = dict(os.environ, PATH=f"{ROOT}/node_modules/.bin:{os.environ['PATH']}")
    with tempfile.TemporaryDirectory() as folder:
        network = subprocess.Popen(
            [TARGET / "release/tatum", "devnet", "--data", f"{folder}/net", "--free-ports", "--json"],
            stdout=subprocess.PIPE, env=environment, text=True,
        )
        try:
            said = ""
            for line in network.stdout:
                said += line
                if line.rstrip() == "}":
                    break
            if not said.rstrip().endswith("}"):
                sys.exit(f"the network did not start; its last words: {said or 'none'}")
            yield json.loads(said), folder
        finally:
            network.send_signal(signal.SIGINT)
            network.wait()
