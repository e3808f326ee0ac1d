"""`python -m service`: serve."""

from __future__ import annotations

import sys

from service.server.serve import main

if __name__ == "__main__":
    sys.exit(main())
