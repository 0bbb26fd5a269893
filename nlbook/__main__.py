"""``python -m nlbook`` is the command ``nlbook``."""

import sys

from nlbook.cli import main

if __name__ == "__main__":
    sys.exit(main())
