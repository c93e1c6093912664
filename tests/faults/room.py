"""A cgroup of limited memory for the server, where root may make one; without it, memory is only watched."""

import os

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


class Room:
    def __init__(self, name, mib):
        self.folder = None
        v1 = os.path.isdir(V1)
        limit = "memory.limit_in_bytes" if v1 else "memory.max"
        folder = os.path.join(V1 if v1 else V2, name)
        try:
            os.mkdir(folder)
            with open(os.path.join(folder, limit), "w") as file:
                file.write(str(mib << 20))
            self.folder = folder
        except OSError:
            if os.path.isdir(folder):
                os.rmdir(folder)

    def command(self, command):
        """The command, run inside."""
        if not self.folder:
            return command
        return ["sh", "-c", f'echo $$ >{self.folder}/cgroup.procs; exec "$@"', "sh", *command]

    def remove(self):
        if self.folder:
            try:
                os.rmdir(self.folder)
            except OSError:
                pass  # something in it still ends; an empty cgroup does no harm
