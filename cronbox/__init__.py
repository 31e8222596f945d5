"""cronbox: cron jobs in Docker containers, with every run on record."""

__version__ = "0.1.0"
