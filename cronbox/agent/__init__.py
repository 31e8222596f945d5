"""The agent: PID 1 of every box, on the standard library alone.

It starts crond, executes the jobs that crond calls due, and writes what happens to /log/cron.log. See
docs/agent.md for the contract. Modules here import nothing of the rest of cronbox, and spare memory: values
are NamedTuples, because `dataclasses` alone would cost every box 1.6 MB.
"""

__version__ = "0.1.0"
