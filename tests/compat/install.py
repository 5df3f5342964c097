"""Installs the clients, each into a folder of its own: python -m tests.compat.install [NAME ...]"""

import argparse
import shutil
import subprocess
import sys
import venv

from tests.compat.clients import CLIENTS, Client


def install(client: Client) -> None:
    """Anew, from nothing; CalledProcessError when the installer fails."""
    shutil.rmtree(client.folder, ignore_errors=True)
    if client.kind == "python":
        venv.create(client.folder, with_pip=True)
        pip = (str(client.folder / "bin" / "python"), "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, *client.packages], check=True)
    else:
        client.folder.mkdir(parents=True)
        (client.folder / "package.json").write_text('{"private": true}\n')
        npm = ("npm", "install", "--silent", "--no-audit", "--no-fund")
        subprocess.run([*npm, *client.packages], cwd=client.folder, check=True)
    (client.folder / "installed").touch()


def main() -> None:
    names = [client.name for client in CLIENTS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all"
    )
    wanted = parser.parse_args().names or names
    if unknown := set(wanted) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    failed: list[str] = []
    for client in CLIENTS:
        if client.name in wanted:
            sys.stdout.write(f"{client.name}: {' '.join(client.packages)}\n")
            sys.stdout.flush()
            try:
                install(client)
            except subprocess.CalledProcessError:
                failed.append(client.name)
    if failed:
        sys.exit(f"could not be installed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
