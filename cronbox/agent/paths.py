"""Where things are in a box. One value, so that a test can move all of it under another root."""

from __future__ import annotations

from typing import NamedTuple


class Paths(NamedTuple):
    """Every path the agent touches. `root` is put before each of them; in a box it is empty."""

    root: str = ""
    crond: tuple[str, ...] = ("/usr/sbin/cron", "-f", "-L", "0")
    """The schedule keeper and its arguments; not under `root`."""

    @property
    def crontab_dir(self) -> str:
        return f"{self.root}/etc/cron.d"

    @property
    def crontab(self) -> str:
        return f"{self.crontab_dir}/cronbox"

    @property
    def table(self) -> str:
        return f"{self.root}/etc/cronbox/table.json"

    @property
    def run_dir(self) -> str:
        return f"{self.root}/run/cronbox"

    @property
    def trigger(self) -> str:
        return f"{self.run_dir}/trigger"

    @property
    def status(self) -> str:
        return f"{self.run_dir}/status.json"

    @property
    def results(self) -> str:
        """Where jobs leave what they say about themselves. Beside `run_dir`, which no user may enter."""
        return f"{self.root}/run/cronbox-results"

    @property
    def log_dir(self) -> str:
        return f"{self.root}/log"

    @property
    def state(self) -> str:
        return f"{self.log_dir}/state.json"

    @property
    def secrets(self) -> str:
        """The values, in a volume of their own."""
        return f"{self.root}/var/lib/cronbox/secrets.json"

    @property
    def secrets_dir(self) -> str:
        """Where jobs find theirs, in memory."""
        return f"{self.root}/run/secrets"

    @property
    def syslog(self) -> str:
        return f"{self.root}/dev/log"

    @property
    def cgroup(self) -> str:
        return f"{self.root}/sys/fs/cgroup"

    @property
    def crond_leftovers(self) -> tuple[str, ...]:
        """What an earlier life of crond left: a marker that would make it think the box never restarted."""
        return (f"{self.root}/run/crond.reboot", f"{self.root}/run/crond.pid")
