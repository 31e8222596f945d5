"""`python -m cronbox` is the `cronbox` command."""

from cronbox.cli import main

main()
