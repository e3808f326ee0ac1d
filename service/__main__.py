"""`python -m service`: serve speech over HTTP."""

from __future__ import annotations

import sys

from service.server.serve import serve_app

if __name__ == "__main__":
    sys.exit(serve_app())
