"""The files of the source, for the scripts that read them. Without git, since who has a release has none."""

import os


def source(suffix=""):
    """Their paths, in order: all but what is in the folders that .gitignore names, which builds and tests make."""
    with open(".gitignore") as file:
        made = {line.removesuffix("/\n") for line in file if line.endswith("/\n")} | {".git"}
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = set(folders) - made
        found += [os.path.normpath(os.path.join(folder, name)) for name in names if name.endswith(suffix)]
    return sorted(found)
