"""Runs in a container as root: starts cron and prints, as JSON, what it logs while it loads /etc/cron.d.

cron reads every file before it says that it runs (or skips) the `@reboot` jobs; that message is the end.
The key `users` has the names that cron can look up.
"""

from __future__ import annotations

import json
import pwd
import socket
import subprocess
import sys

LAST_MESSAGE = "@reboot jobs"
PATIENCE = 60.0
"""Seconds without a word from cron, after which it must have died or hung."""


def main() -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind("/dev/log")
    listener.settimeout(PATIENCE)
    with subprocess.Popen(["/usr/sbin/cron", "-f"], stdin=subprocess.DEVNULL) as cron:
        try:
            messages = until_the_last(listener)
        finally:
            cron.kill()
    json.dump({"messages": messages, "users": [user.pw_name for user in pwd.getpwall()]}, sys.stdout)


def until_the_last(listener: socket.socket) -> list[str]:
    messages = [""]
    while LAST_MESSAGE not in messages[-1]:
        messages.append(listener.recv(65536).decode("utf-8", "replace").rstrip("\0\n"))
    return messages[1:]


if __name__ == "__main__":
    main()
