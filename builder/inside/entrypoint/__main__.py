"""Copied to the top of a folder in the image, it makes the folder a program: `python FOLDER command ...`.

It is the one module of this room that names the room: at the top of a folder nothing is relative.
"""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] in (["prepare"], ["install"]):
        from builder.inside.entrypoint import stage

        sys.exit(stage.main(sys.argv[1:]))
    from builder.inside.entrypoint import start

    sys.exit(start.main(sys.argv[1:]))
