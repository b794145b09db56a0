"""A running system under load, each of whose processes is killed at random; at intervals and at the end its promises are checked.

Two gateways (each with its projectors, sealer and recovery), Postgres, Redis and a mock provider, in a folder of their own. Every 20
to 60 seconds each of them is killed with SIGKILL and started again a moment later. Clients note every answer. tools/soak calls this.

Environment: LLMGATEWAY_EXECUTABLE, LLMGATEWAY_SHARED (its bench/mock.c is the provider), SOAK_FOLDER, LLMGATEWAY_SEED (repeats who is
killed when, and what is asked), SOAK_CLIENTS.
"""

import asyncio
import json
import os
import random
import sys
import time

import promises
from clients import Client, Notes
from servers import Gateway, Mock, Postgres, Redis, command, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXECUTABLE, FOLDER = os.environ["LLMGATEWAY_EXECUTABLE"], os.environ["SOAK_FOLDER"]
MINUTES = float(sys.argv[1])
SEED = int(os.environ.get("LLMGATEWAY_SEED") or random.getrandbits(48))
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "16"))
BEGAN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


class System:
    def __init__(self):
        self.postgres, self.redis = Postgres(FOLDER), Redis(FOLDER)
        self.mock = Mock(FOLDER, os.environ["LLMGATEWAY_SHARED"] + "/bench/mock.c")
        catalogue = f"{FOLDER}/catalogue.json"
        models = [{
            "id": name, "name": name, "family": "mock", "mappings": [{
                "provider": "mock", "model": upstream, "prices": {"input": "1", "output": "2"}, "context_size": 100000,
                "max_output": 4096, "output_limit_field": "max_tokens", "streaming": True}],
        } for name, upstream in (("mock", "mock"), ("soak-stream", "mock-c64-i5"))]
        with open(catalogue, "w", encoding="utf-8") as file:
            provider = {"id": "mock", "name": "Mock", "dialect": "openai", "base_url": f"http://127.0.0.1:{self.mock.port}/v1"}
            json.dump({"providers": [provider], "models": models}, file)
        self.environment = {
            "DATABASE_URL": self.postgres.url("llmgateway_service"), "MIGRATION_DATABASE_URL": self.postgres.url("postgres"),
            "PROJECTOR_DATABASE_URL": self.postgres.url("llmgateway_projector"),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}", "LLMGATEWAY_ROOT": ROOT, "LLMGATEWAY_CATALOGUE": catalogue,
            "LLM_MOCK_API_KEY": "soak", "LLMGATEWAY_HOME": f"{FOLDER}/tools", "LOG_LEVEL": "notice"}
        self.gateways = [Gateway(name, FOLDER, EXECUTABLE, self.environment) for name in ("gateway-1", "gateway-2")]
        self.servers = [self.postgres, self.redis, self.mock, *self.gateways]

    def run(self, *words, check=True):
        return command(EXECUTABLE, self.environment, *words, check=check)

    def start(self):
        for server in (self.postgres, self.redis, self.mock):
            server.start()
        self.postgres.wait()
        self.postgres.sql("CREATE DATABASE soak TEMPLATE template0 ENCODING 'UTF8'", "postgres")
        self.run("migrate")
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            gateway.wait()

    def shops(self):
        """Keys, and what is tight for each: nothing; the organization's credit, which is topped up; the project; the key."""
        keys, limits, tight = [], [], None
        for name, credit, project_limit, key_limit in (
                ("rich", "1000", None, None), ("poor", "0.02", None, None), ("project", "1000", "0.5", None),
                ("key", "1000", None, "0.25")):
            organization = self.run("organizations", "create", "--name", name, "--json")["organization"]
            self.run("credits", "grant", "--organization", organization, "--amount", credit, "--json")
            project = self.run(
                "projects", "create", "--organization", organization, "--name", name, "--json",
                *(["--usage-limit", project_limit] if project_limit else []))["project"]
            for number in range(2 if project_limit else 1):
                key = self.run(
                    "keys", "create", "--project", project, "--name", f"{name}-{number}", "--json",
                    *(["--usage-limit", key_limit] if key_limit else []))
                keys.append((name, key["token"]))
            limits.append((name, organization, None))
            if project_limit:
                limits.append((name, project, int(float(project_limit) * 1_000_000_000)))
            if key_limit:
                limits.append((name, key["key"], int(float(key_limit) * 1_000_000_000)))
            if name == "poor":
                tight = organization
        return keys, limits, tight


class Chaos:
    """Kills each server every 20 to 60 s, and starts again whatever is down."""

    def __init__(self, system, seed):
        self.system, self.random = system, random.Random(seed)
        self.next = {server: time.monotonic() + self.random.uniform(10, 60) for server in system.servers}

    async def run(self, stopping):
        while not stopping.is_set():
            now = time.monotonic()
            for server in self.system.servers:
                if server.due is not None and now >= server.due:
                    server.start()
                    self.next[server] = now + self.random.uniform(20, 60)
                elif server.due is None and not server.is_running():
                    # As a supervisor does: a gateway that starts while Postgres is away gives up.
                    server.own_ends += 1
                    server.due = now + 1
                elif server.due is None and now >= self.next[server]:
                    server.kill()
                    server.due = now + self.random.uniform(0.1, 4)
            await asyncio.sleep(0.1)
        for server in self.system.servers:
            if not server.is_running():
                server.start()
            if isinstance(server, Postgres):
                await asyncio.to_thread(server.wait, "soak")


async def load(system, keys, limits, poor, notes):
    stopping, over = asyncio.Event(), asyncio.Event()
    ports = [gateway.port for gateway in system.gateways]
    clients = [asyncio.create_task(Client(n, SEED, ports, keys, notes).run(stopping)) for n in range(CLIENTS)]
    chaos = asyncio.create_task(Chaos(system, SEED).run(over))
    wrong, end, told = [], time.monotonic() + MINUTES * 60, time.monotonic()
    while time.monotonic() < end and not wrong:
        await asyncio.sleep(min(20, max(0.1, end - time.monotonic())))
        # Money comes in bits, so that the poor organization is always near its end.
        await asyncio.to_thread(
            system.run, "credits", "grant", "--organization", poor, "--amount", "0.005", "--json", check=False)
        kills = {server.name: server.kills for server in system.servers}
        say(f"{len(notes.answered)} whole answers, answers {dict(sorted(notes.statuses.items(), key=str))}, kills {kills}")
        if time.monotonic() - told > 240:
            told = time.monotonic()
            try:
                wrong = (await asyncio.to_thread(promises.limits, system.postgres, limits))[0]
            except RuntimeError:
                say("Postgres was killed while the limits were looked at")
            else:
                say(f"no limit was passed: {not wrong}")
    stopping.set()
    # Servers are still killed while the last answers come.
    await asyncio.gather(*clients)
    over.set()
    await chaos
    return wrong


def settle(system):
    """Waits until nothing is open any more: dead instances lose their leases after a minute, and then recovery closes."""
    def look():
        for gateway in system.gateways:
            if not gateway.is_running():
                gateway.start()
            gateway.wait()
        if open_holds := promises.holds(system.postgres, system.redis):
            raise RuntimeError(f"still open: {open_holds[:3]}")
        [[open_requests]] = system.postgres.sql(
            "SELECT count(*) FROM (SELECT 1 FROM ledger.events WHERE stream_kind = 'request' GROUP BY stream_id"
            " HAVING max(stream_version) = 1 AND bool_or(type = 'request.authorized')) AS open")
        if open_requests != "0":
            raise RuntimeError(f"{open_requests} requests have no outcome")
        for gateway in system.gateways:
            if spooled := gateway.metrics().get("llmgateway_spool_commands", 0):
                raise RuntimeError(f"{spooled} outcomes lie in the spool of {gateway.name}")
        [[head]] = system.postgres.sql("SELECT max(position) FROM ledger.events")
        behind = system.postgres.sql(f"SELECT name, position FROM projections.checkpoints WHERE position < {head}")
        if behind:
            raise RuntimeError(f"behind: {behind}")

    try:
        wait_for("the end of everything open", look, seconds=240)
        return []
    except (RuntimeError, OSError) as error:
        return [str(error)]


def check(system, limits, notes, wrong):
    def note(name, found):
        wrong.extend(found)
        say(f"{name}: {'kept' if not found else found[:5]}")

    note("nothing is open or held", settle(system))
    found, figures = promises.outcomes(system.postgres, notes)
    note(f"each request has one outcome, each answer one charge {figures}", found)
    found, greatest = promises.limits(system.postgres, limits)
    note(f"no limit was passed, at most in use {greatest}", found)
    found, figures = promises.balances(system.postgres, system.redis)
    note(f"ledger, read model and Redis agree on {len(figures)} balances", found)
    found, names = promises.ledger(lambda *words: system.run(*words, check=False))
    note(f"the chain verifies, and {', '.join(names)} are what a replay gives", found)


def main():
    print(f"seed of the soak: {SEED}", flush=True)
    system, notes, wrong = System(), Notes(), []
    try:
        system.start()
        keys, limits, poor = system.shops()
        wrong += asyncio.run(load(system, keys, limits, poor, notes))
        say(f"the load is over; {sum(server.own_ends for server in system.servers)} processes had ended by themselves")
        check(system, limits, notes, wrong)
        for gateway in system.gateways:
            if not gateway.stop():
                wrong.append(f"{gateway.name} did not stop within 90 s")
    finally:
        for server in reversed(system.servers):
            if server.is_running():
                server.kill()
    kills = sum(server.kills for server in system.servers)
    events = len(notes.answered)
    print(f"soak of {MINUTES:g} minutes, seed {SEED}: {kills} kills, {events} whole answers: "
          + ("every promise kept" if not wrong else f"BROKEN: {len(wrong)}"), flush=True)
    for text in wrong[:50]:
        print("  " + text)
    sys.exit(1 if wrong else 0)


main()
