# SPDX-License-Identifier: MIT
"""Pictures in folders of their class, in a folder or a zip file, as grey values."""
import io
import pathlib
import zipfile

import numpy as np
from PIL import Image

KINDS = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm")
MAX_SIDE = 4096
MAX_BYTES = 64 << 20


def grey(name, data):
    """Luminance (ITU-R 601) of a picture, as bytes [y][x]."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if max(picture.size) > MAX_SIDE:
                raise ValueError(f"{name}: {picture.size} pixels, expected at most "
                                 f"{MAX_SIDE} in a row")
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: no picture: {error}") from error


def contents(source):
    """{CLASS/NAME: function that reads it} of all pictures."""
    if source.is_dir():
        return {f"{p.parent.name}/{p.name}": p.read_bytes for p in source.glob("*/*")}
    if not zipfile.is_zipfile(source):
        raise ValueError(f"{source}: expected a folder or a zip file of CLASS/NAME.jpg")
    archive = zipfile.ZipFile(source)
    found = {}
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        if entry.file_size > MAX_BYTES:
            raise ValueError(f"{source}: {entry.filename}: {entry.file_size} bytes, "
                             f"expected at most {MAX_BYTES}")
        name = "/".join(pathlib.PurePosixPath(entry.filename).parts[-2:])
        if name in found or ".." in name:
            raise ValueError(f"{source}: {entry.filename}: expected CLASS/NAME, each once")
        found[name] = lambda entry=entry: archive.read(entry)
    return found


def listed(source):
    """Sorted [(class, name, function that gives the grey values)] of a folder or zip."""
    source = pathlib.Path(source)
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there")
    found = []
    for path, read in sorted(contents(source).items()):
        kind, _, name = path.rpartition("/")
        if kind and pathlib.PurePosixPath(name).suffix.lower() in KINDS:
            found.append((kind, name, lambda path=path, read=read: grey(path, read())))
    if not found:
        raise ValueError(f"{source}: no pictures in folders of classes")
    return found
