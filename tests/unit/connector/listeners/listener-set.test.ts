import { describe, expect, it, onTestFinished, vi } from "vitest";
import { parseBind, parseListen } from "../../../../connector/config/service-options.ts";
import {
  ListenerSet,
  type ListenerSetOptions,
  NOTHING_ASSIGNED,
} from "../../../../connector/listeners/listener-set.ts";
import { silent } from "../../../../connector/log.ts";
import type { StateDirectory } from "../../../../connector/state/directory.ts";
import { OwnTargets } from "../../../../connector/targets/own-targets.ts";
import type { TargetAddress } from "../../../../connector/targets/target-address.ts";
import type { VisibleService } from "../../../../protocol/uplink/messages.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { freePort } from "../../../support/free-port.ts";
import { temporaryState } from "../../../support/process/directories.ts";
import { tcpClient, tcpServer } from "../../../support/traffic/sockets.ts";

const service = (name: string, port: number): VisibleService => ({
  ...{ name, port, protocol: "tcp" },
  offers: [{ site: "s", siteName: "east", boot: "b" }],
});

async function setUp(more: Partial<ListenerSetOptions> = {}, state?: StateDirectory) {
  const onChange = vi.fn();
  const listeners = await ListenerSet.load({
    state: state ?? (await temporaryState()),
    bind: parseBind("127.0.0.1"),
    listen: [],
    onClient: ({ service: name }, socket) => socket.end(name),
    onUdp: (_, socket) =>
      socket.on("message", (payload, from) => socket.send(payload, from.port, from.address)),
    onRefused: (_, socket) => socket.resetAndDestroy(),
    onChange,
    log: silent,
    retry: { base: 10, cap: 10 },
    ...more,
  });
  onTestFinished(() => listeners.close());
  const reports = (count: number) =>
    eventually(`${count} reports`, () => {
      const all = listeners.reports();
      return all.length === count && all;
    });
  return { listeners, onChange, reports };
}

describe("ListenerSet", () => {
  it("listens for every service at the service's port, and serves clients", async () => {
    const [api, db] = [await freePort(), await freePort()];
    const { listeners, reports, onChange } = await setUp();
    listeners.set([service("api", api), service("db", db)]);
    expect(await reports(2)).toEqual([
      { service: "api", address: `127.0.0.1:${api}`, state: "listening" },
      { service: "db", address: `127.0.0.1:${db}`, state: "listening" },
    ]);
    expect(await (await tcpClient(db)).received).toBe("db");
    expect(onChange).toHaveBeenCalled();
  });

  it("listens only where ports are assigned, once they are", async () => {
    const assigned = await freePort("127.5.0.1");
    const { listeners, reports, onChange } = await setUp({ assigned: NOTHING_ASSIGNED });
    listeners.set([service("api", 80), service("db", 5432)]);
    expect(listeners.reports()).toEqual([]);
    expect(onChange).not.toHaveBeenCalled();
    const ports = new Map([["api", assigned]]);
    listeners.assign({ host: "127.5.0.1", portOf: (name) => ports.get(name) ?? null });
    expect(listeners.isListening).toBe(false);
    expect(await reports(1)).toEqual([
      { service: "api", address: `127.5.0.1:${assigned}`, state: "listening" },
    ]);
    expect(listeners.isListening).toBe(true);
  });

  it("listens where the configuration says as well as where a port is assigned, and reports the first", async () => {
    const [api, assigned] = [await freePort(), await freePort("127.5.0.1")];
    const { listeners, reports } = await setUp({
      listen: [parseListen(`api=127.0.0.1:${api}`)],
      assigned: { host: "127.5.0.1", portOf: () => assigned },
    });
    listeners.set([service("api", 80)]);
    expect(await reports(1)).toMatchObject([{ address: `127.0.0.1:${api}` }]);
    await eventually("both listeners", () => listeners.isListening);
    expect(await (await tcpClient(api)).received).toBe("api");
    expect(await (await tcpClient(assigned, "127.5.0.1")).received).toBe("api");
  });

  it("listens at the address that --listen gives", async () => {
    const port = await freePort("127.5.0.1");
    const { listeners, reports } = await setUp({ listen: [parseListen(`api=127.5.0.1:${port}`)] });
    listeners.set([service("api", 1)]);
    expect((await reports(1))[0]?.address).toBe(`127.5.0.1:${port}`);
    expect(await (await tcpClient(port, "127.5.0.1")).received).toBe("api");
  });

  it("closes the listener of a service that is gone, and keeps its established connections", async () => {
    const port = await freePort();
    const { listeners, reports } = await setUp({ onClient: (_, socket) => socket.pipe(socket) });
    listeners.set([service("api", port)]);
    await reports(1);
    const client = await tcpClient(port);
    listeners.set([]);
    expect(listeners.reports()).toEqual([]);
    await expect(tcpClient(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.socket.end("still here");
    expect(await client.received).toBe("still here");
  });

  it("closes the listener of a tcp port while the targets are down at every instance, and keeps that of an http port", async () => {
    const [tcp, http] = [await freePort(), await freePort()];
    const { listeners, reports, onChange } = await setUp({ bind: parseBind("127.9.0.0/30") });
    const shop = (...down: number[]): VisibleService => ({
      ...{ name: "shop", port: tcp, protocol: "tcp" },
      ports: [
        { port: tcp, protocol: "tcp" },
        { port: http, protocol: "http" },
      ],
      offers: [
        { site: "s", siteName: "east", boot: "b", down },
        { site: "t", siteName: "north", boot: "c", ports: [http], down: [http] },
      ],
    });
    listeners.set([shop()]);
    const before = await reports(2);
    listeners.set([shop(tcp, http)]);
    onChange.mockClear();
    expect(listeners.reports()).toMatchObject([{ port: http, state: "listening" }]);
    const host = before[0]?.address.split(":")[0] ?? "";
    await expect(tcpClient(tcp, host)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(await (await tcpClient(http, host)).received).toBe("shop");
    listeners.set([shop(http)]);
    expect(await reports(2)).toEqual(before);
    expect(onChange).toHaveBeenCalled();
  });

  it("leaves a listener alone that a change does not concern", async () => {
    const port = await freePort();
    const { listeners, reports, onChange } = await setUp();
    listeners.set([service("api", port)]);
    await reports(1);
    const changes = onChange.mock.calls.length;
    listeners.set([{ ...service("api", port), offers: [] }]);
    expect(listeners.reports()).toHaveLength(1);
    expect(onChange).toHaveBeenCalledTimes(changes);
  });

  it("reports a listener as failed while another program has its port, and binds it when the port is free", async () => {
    const { server, port } = await tcpServer((socket) => socket.destroy());
    const { listeners, reports } = await setUp();
    listeners.set([service("api", port)]);
    const [failed] = await reports(1);
    expect(failed).toMatchObject({ state: "failed", code: "listener.port_taken" });
    server.close();
    await eventually("it listens", () => listeners.reports()[0]?.state === "listening");
    expect(await (await tcpClient(port)).received).toBe("api");
  });

  it("reports a listener as failed at an address that this machine does not have", async () => {
    const { listeners, reports } = await setUp({ bind: parseBind("192.0.2.1") });
    listeners.set([service("api", 80)]);
    expect((await reports(1))[0]).toMatchObject({ state: "failed", code: "listener.address" });
  });
});

describe("ListenerSet for a service with several ports", () => {
  const shop = (...numbers: number[]): VisibleService => {
    const ports = numbers.map((port, at) => ({
      port,
      protocol: at === 0 ? ("http" as const) : ("tcp" as const),
    }));
    return { ...service("shop", 0), ...(ports[0] ?? {}), ports };
  };
  const states = (listeners: ListenerSet) =>
    listeners.reports().map(({ port, address, state }) => `${port} ${address} ${state}`);

  it("listens at each port, says which one a client used, and reports each", async () => {
    const [first, second] = [await freePort(), await freePort()].sort((left, right) => left - right);
    const { listeners, reports } = await setUp({
      onClient: ({ port, protocol }, socket) => socket.end(`${port} ${protocol}`),
    });
    listeners.set([shop(second ?? 0, first ?? 0)]);
    await reports(2);
    expect(states(listeners)).toEqual([first, second].map((port) => `${port} 127.0.0.1:${port} listening`));
    expect(await (await tcpClient(second ?? 0)).received).toBe(`${second} http`);
    expect(await (await tcpClient(first ?? 0)).received).toBe(`${first} tcp`);
  });

  it("keeps the listener of a port when others come and go", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const { listeners, reports } = await setUp();
    listeners.set([service("shop", first)]);
    await reports(1);
    const client = await tcpClient(first);
    listeners.set([shop(first, second)]);
    // A listener that bound again would be starting.
    expect(listeners.reports().map(({ port }) => port)).toEqual([first]);
    await reports(2);
    listeners.set([service("shop", first)]);
    expect(listeners.reports()).toMatchObject([{ service: "shop", state: "listening" }]);
    expect(listeners.reports()[0]?.port).toBeUndefined();
    expect(await client.received).toBe("shop");
  });

  it("has one address out of a range for all ports, at which no target is", async () => {
    const port = await freePort("127.81.0.1");
    const range = { bind: parseBind("127.81.0.0/29") };
    const plain = await setUp(range);
    plain.listeners.set([shop(port, port + 1), service("db", port)]);
    const hostOf = (address: string) => address.split(":")[0] ?? "";
    const hosts = (await plain.reports(3)).map(({ service: name, address }) => `${name} ${hostOf(address)}`);
    expect(new Set(hosts).size).toBe(2);
    plain.listeners.close();
    const [taken = ""] = hosts.filter((host) => host.startsWith("shop")).map((host) => host.slice(5));
    const target = { name: "own", host: taken, port: port + 1, transport: "tcp" as const };
    const names = { resolve: async () => [] };
    const ownTargets = new OwnTargets({ offers: () => [target], names });
    const moved = await setUp({ ...range, ownTargets });
    moved.listeners.set([shop(port, port + 1)]);
    const now = (await moved.reports(2)).map(({ address }) => hostOf(address));
    expect(new Set(now).size).toBe(1);
    expect(now[0]).not.toBe(taken);
  });

  it("listens at what --listen gives a port, and for the others at the host that it gives the first", async () => {
    const [first, second, third] = [
      await freePort("127.5.0.2"),
      await freePort("127.5.0.2"),
      await freePort(),
    ];
    const listen = [parseListen(`shop=127.5.0.2:${first}`), parseListen(`shop:3=127.0.0.1:${third}`)];
    const { listeners, reports } = await setUp({ listen });
    listeners.set([shop(1, second, 3)]);
    await reports(3);
    expect(states(listeners).toSorted()).toEqual(
      [
        `1 127.5.0.2:${first} listening`,
        `${second} 127.5.0.2:${second} listening`,
        `3 127.0.0.1:${third} listening`,
      ].toSorted(),
    );
  });

  it("reports the second of two ports that are to have one address as failed", async () => {
    const port = await freePort();
    const listen = [parseListen(`shop:1=${port}`), parseListen(`shop:2=${port}`)];
    const { listeners, reports } = await setUp({ listen });
    listeners.set([shop(1, 2)]);
    expect((await reports(2)).map(({ code }) => code).toSorted()).toEqual(["listener.port_taken", undefined]);
  });
});

describe("ListenerSet in a range", () => {
  it("gives each service an address of its own, the same after a restart", async () => {
    const state = await temporaryState();
    const port = await freePort("127.77.0.1");
    const bind = parseBind("127.77.0.0/24");
    const first = await setUp({ bind }, state);
    first.listeners.set([service("api", port), service("db", port)]);
    const before = (await first.reports(2)).map((report) => report.address);
    expect(new Set(before).size).toBe(2);
    first.listeners.close();
    await eventually("the book", () => state.read("addresses.json"));
    const second = await setUp({ bind }, state);
    second.listeners.set([service("db", port), service("api", port)]);
    expect((await second.reports(2)).map((report) => report.address)).toEqual(before);
  });

  it("reports that the range is used up, and takes the address that becomes free", async () => {
    const port = await freePort("127.78.0.1");
    const { listeners, reports } = await setUp({ bind: parseBind("127.78.0.1/32") });
    listeners.set([service("api", port), service("db", port)]);
    const both = await reports(2);
    expect(both.find((report) => report.service === "db")).toMatchObject({
      state: "failed",
      code: "listener.exhausted",
    });
    listeners.set([service("db", port)]);
    expect((await reports(1))[0]).toMatchObject({ service: "db", address: `127.78.0.1:${port}` });
  });
});

describe("ListenerSet at an address that a target on this machine has", () => {
  const offer = (host: string, port: number) => ({ name: "api", host, port, transport: "tcp" as const });
  const names = {
    resolve: async (host: string) => {
      if (host !== "app.example") throw new Error(host);
      return [{ address: "127.0.0.1", family: 4 as const }];
    },
  };

  /** Listeners of a site that offers `offers`, on a machine where another connector has the targets `others`. */
  async function beside(
    offers: ReturnType<typeof offer>[],
    others: TargetAddress[] = [],
    more: Partial<ListenerSetOptions> = {},
  ) {
    const machine = { known: () => others, ready: Promise.resolve() };
    const ownTargets = new OwnTargets({ offers: () => [...offers], names, others: machine });
    const made = await setUp({ ownTargets, ...more });
    ownTargets.onChange(() => made.listeners.review());
    const state = (wanted: string) =>
      eventually(`it is ${wanted}`, () => {
        const [report] = made.listeners.reports();
        return report !== undefined && (report.code ?? report.state) === wanted && report;
      });
    return { ...made, state };
  }

  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["app.example", "127.0.0.1"],
    ["127.0.0.1", "0.0.0.0"],
  ])(
    "does not bind while this site offers %s and the listener is for %s, and binds once the offer is gone",
    async (host, bind) => {
      const port = await freePort();
      const offers = [offer(host, port)];
      const { listeners, state } = await beside(offers, [], { bind: parseBind(bind) });
      listeners.set([service("api", port)]);
      const failed = await state("listener.own_target");
      expect(failed.message).toContain("is the target of api, which this site offers");
      // The application can have its port.
      const app = await tcpServer((socket) => socket.end("the app"), { port });
      expect(await (await tcpClient(port)).received).toBe("the app");
      app.server.close();
      offers.length = 0;
      listeners.review();
      await state("listening");
    },
  );

  it("leaves the address when a target there is offered later, and keeps its clients", async () => {
    const port = await freePort();
    const offers: ReturnType<typeof offer>[] = [];
    const { listeners, state } = await beside(offers, [], { onClient: (_, socket) => socket.pipe(socket) });
    listeners.set([service("api", port)]);
    await state("listening");
    const client = await tcpClient(port);
    offers.push(offer("127.0.0.1", port));
    listeners.review();
    await state("listener.own_target");
    await expect(tcpClient(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.socket.end("still here");
    expect(await client.received).toBe("still here");
  });

  it("names the site whose connector has the target, and binds anyway at an address of --listen", async () => {
    const port = await freePort();
    const others = [{ address: "127.0.0.1", port, service: "db", site: "east" }];
    const first = await beside([], others);
    first.listeners.set([service("api", port)]);
    const failed = await first.state("listener.own_target");
    expect(failed.message).toContain("is the target of db, which site east on this machine offers");
    const asked = await beside([], others, { listen: [parseListen(`api=127.0.0.1:${port}`)] });
    asked.listeners.set([service("api", port)]);
    await asked.state("listening");
    const own = await beside([offer("127.0.0.1", port)], [], {
      listen: [parseListen(`api=127.0.0.1:${port}`)],
    });
    own.listeners.set([service("api", port)]);
    await own.state("listener.own_target");
  });

  it("takes another address out of a range", async () => {
    const port = await freePort("127.79.0.1");
    const bind = parseBind("127.79.0.0/30");
    const offers: ReturnType<typeof offer>[] = [];
    const { listeners, state } = await beside(offers, [], { bind });
    listeners.set([service("api", port)]);
    const before = (await state("listening")).address;
    offers.push(offer(before.split(":")[0] ?? "", port));
    listeners.review();
    await eventually("the listener has another address", () => {
      const [report] = listeners.reports();
      return report?.state === "listening" && report.address !== before;
    });
  });
});
