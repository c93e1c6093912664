"""What the suite needs around it: its Python packages, in the cache outside the checkout."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("PLIMSOLL_CACHE") or os.path.join(base, "plimsoll")


def use_own_python(script):
    """Runs the script again under a Python that has requirements.txt; the environment is named after its content."""
    with open(os.path.join(HERE, "requirements.txt"), "rb") as file:
        name = "faults-" + hashlib.sha256(file.read()).hexdigest()[:12]
    place = os.path.join(cache(), name)
    if os.path.realpath(sys.prefix) == os.path.realpath(place):
        return
    if not os.path.exists(os.path.join(place, "bin", "python")):
        print("faults: fetching Python packages", file=sys.stderr)
        os.makedirs(cache(), exist_ok=True)
        partial = tempfile.mkdtemp(dir=cache(), prefix="faults-partial.")
        pip = [os.path.join(partial, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", partial], check=True)
        subprocess.run(pip + ["-r", os.path.join(HERE, "requirements.txt")], check=True)
        try:
            os.rename(partial, place)
        except OSError:  # another run was faster
            shutil.rmtree(partial)
    python = os.path.join(place, "bin", "python")
    os.execv(python, [python, "-B", script, *sys.argv[1:]])


def load(path):
    """A Python file as a module, whatever else has its name."""
    spec = importlib.util.spec_from_file_location("file_" + os.path.basename(path).removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
