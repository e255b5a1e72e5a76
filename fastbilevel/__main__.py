"""`python -m fastbilevel` is the command `fastbilevel`."""

import sys

from fastbilevel.cli import main

if __name__ == "__main__":
    sys.exit(main())
