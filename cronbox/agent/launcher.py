"""What the image carries as /usr/lib/cronbox/__main__.py, next to this package as `agent/`.

`python3 -IS /usr/lib/cronbox VERB` puts that folder on the path; nothing else is on it but the standard
library.
"""

from agent.cli import main  # type: ignore[import-not-found]

if __name__ == "__main__":
    main()
