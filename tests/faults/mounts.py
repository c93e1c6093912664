"""Small file systems for the data directory, for root only: a tmpfs that fills up, an ext4 image that loses its power."""

import os
import subprocess


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Mounts:
    """What a world has mounted; `close` unmounts all of it."""

    def __init__(self):
        self.places = []

    def tmpfs(self, place, mib):
        os.makedirs(place, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", place)
        self.places.append(place)

    def image(self, place, image):
        os.makedirs(place, exist_ok=True)
        run("mount", "-o", "loop", image, place)
        self.places.append(place)

    def unmount(self, place):
        run("umount", "-l", place)
        self.places.remove(place)

    def close(self):
        for place in reversed(list(self.places)):
            self.unmount(place)


def new_image(path, mib):
    with open(path, "wb") as file:
        file.truncate(mib << 20)
    run("mkfs.ext4", "-q", "-F", path)
