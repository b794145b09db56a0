"""The processes of a soak: started, killed with SIGKILL, started again, and ended at last. Each notes why it is down."""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def newest(program):
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{program}")
    return max(found, key=lambda path: int(path.split("/")[4])) if found else program


class Server:
    """A program in the foreground, with its log in the soak's folder."""

    def __init__(self, name, folder, words, environment=None):
        self.name, self.words, self.environment = name, words, environment
        self.log = f"{folder}/{name}.log"
        self.child = None
        # When it is to be started again; nothing while it runs.
        self.due = None
        self.kills, self.own_ends = 0, 0

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | (self.environment or {}))
        self.due = None

    def kill(self):
        self.kills += 1
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def stop(self, number=signal.SIGTERM, seconds=90):
        """Ends it in order, and says whether it went by itself."""
        if not self.is_running():
            return True
        self.child.send_signal(number)
        try:
            self.child.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False


class Postgres(Server):
    def __init__(self, folder):
        self.data, self.sockets = f"{folder}/postgres", folder
        self.prefix = []
        if os.getuid() == 0:
            # Postgres does not run as root.
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres")
        subprocess.run(
            self.prefix + [newest("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, capture_output=True)
        super().__init__("postgres-server", folder, self.prefix + [
            newest("postgres"), "-D", self.data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c",
            "max_connections=200", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_wal_size=2GB"])

    def url(self, user):
        return f"postgres:///soak?host={self.sockets}&user={user}"

    def kill(self):
        """The server with all its processes, each of which is the leader of a group of its own."""
        self.kills += 1
        os.kill(self.child.pid, signal.SIGSTOP)
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.child.pid)], capture_output=True, text=True).stdout
        for pid in [self.child.pid, *map(int, children.split())]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()
        time.sleep(0.2)
        for left in (f"{self.data}/postmaster.pid", f"{self.sockets}/.s.PGSQL.5432.lock"):
            if os.path.exists(left):
                os.remove(left)

    def sql(self, query, database="soak"):
        """Rows of a query as lists of texts."""
        done = subprocess.run(
            [newest("psql"), "-XqtA", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-U", "postgres", "-d", database,
             "-c", query], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def wait(self, database="postgres"):
        wait_for("Postgres", lambda: self.sql("SELECT 1", database))


class Gateway(Server):
    def __init__(self, name, folder, executable, environment):
        self.port = free_port()
        self.home = f"{folder}/{name}"
        os.makedirs(self.home)
        super().__init__(
            name, folder, [executable, "serve"],
            environment | {"LLMGATEWAY_PORT": str(self.port), "LLMGATEWAY_HOME": self.home})

    def wait(self):
        wait_for(self.name, lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=3))

    def metrics(self):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10).read().decode()
        return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([-0-9.e+]+)$", text, re.M)}


class Redis(Server):
    def __init__(self, folder):
        self.port = free_port()
        super().__init__("redis", folder, [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--maxmemory-policy", "noeviction", "--dir", folder])

    def call(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=20)
        return done.stdout.splitlines()


class Mock(Server):
    def __init__(self, folder, source):
        self.port = free_port()
        program = f"{folder}/mock"
        subprocess.run(["gcc", "-O2", "-w", "-o", program, source], check=True)
        super().__init__("provider", folder, [program, "-P", f"{self.port}:5"])


def wait_for(what, ask, seconds=120):
    end = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (OSError, RuntimeError) as error:
            if time.monotonic() > end:
                raise RuntimeError(f"{what} did not come: {error}") from error
            time.sleep(0.1)


def command(executable, environment, *words, check=True):
    """A subcommand of the gateway: what it printed, as JSON where it can be read."""
    done = subprocess.run([executable, *words], capture_output=True, text=True, env=os.environ | environment)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout) if check and done.stdout.startswith("{") else done
