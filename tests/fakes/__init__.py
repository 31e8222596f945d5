"""Doubles with the real interfaces. Each passes the contract tests of the thing that it stands for."""
