"""Copied to the top of a folder in the image, it makes the folder a program: `python FOLDER command ...`."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] in (["prepare"], ["install"]):
        from builder.inside.entrypoint import stage

        sys.exit(stage.main(sys.argv[1:]))
    from builder.inside.entrypoint import start

    sys.exit(start.main(sys.argv[1:]))
