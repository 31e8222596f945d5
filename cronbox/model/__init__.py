"""The domain, pure: no docker, no database, no clock, no files, no log."""
