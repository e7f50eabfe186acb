import { describe, expect, it, vi } from "vitest";
import { type Exposure, parseExpose } from "../../../../connector/config/service-options.ts";
import { ServiceNames } from "../../../../connector/runtime/service-names.ts";
import type { ListenerReport, VisibleService } from "../../../../protocol/uplink/messages.ts";

const offers = [{ site: "s", siteName: "east", boot: "b" }];
const visible = (more: Partial<VisibleService> = {}): VisibleService => ({
  ...{ name: "api", port: 80, protocol: "http", offers },
  ...more,
});
const listening = (address: string, more: Partial<ListenerReport> = {}): ListenerReport => ({
  ...{ service: "api", address, state: "listening" },
  ...more,
});

function setUp(given: {
  readonly services?: readonly VisibleService[];
  readonly reports?: readonly ListenerReport[];
  readonly own?: readonly Exposure[];
  readonly refused?: readonly string[];
  readonly targets?: readonly { service: string; host: string; address: string; port: number }[];
  readonly isComplete?: boolean;
  readonly down?: readonly number[];
  readonly port?: number;
}) {
  const refresh = vi.fn(async () => {});
  const names = new ServiceNames({
    catalogue: {
      lookup: (name) => given.services?.find((service) => service.name === name),
      isComplete: given.isComplete ?? true,
    },
    listeners: { reports: () => given.reports ?? [] },
    offers: { list: () => given.own ?? [] },
    refusedOffers: { list: () => (given.refused ?? []).map((name) => ({ name })) },
    withdrawn: () => (given.down === undefined ? null : { down: given.down }),
    servicePorts: { of: () => given.port },
    ownTargets: { list: () => given.targets ?? [], refresh },
    wildcardAddresses: (family) => (family === 4 ? ["10.0.0.1"] : ["fd00::1"]),
  });
  return { names, refresh };
}

const place = (address: string, port: number, target?: string) => ({ address, port, target });

describe("ServiceNames", () => {
  it("names a service of another site by its listener", () => {
    const { names } = setUp({ services: [visible()], reports: [listening("127.2.0.1:8080")] });
    expect(names.ports("api")).toEqual([{ port: 80, protocol: "http", places: [place("127.2.0.1", 8080)] }]);
  });

  it("names each port of a service by the listener for it", () => {
    const ports = [
      { port: 80, protocol: "http" as const },
      { port: 90, protocol: "tcp" as const },
    ];
    const reports = [listening("127.2.0.1:80"), listening("[fd00::2]:9090", { port: 90 })];
    const { names } = setUp({ services: [visible({ ports })], reports });
    expect(names.ports("api")).toEqual([
      { port: 80, protocol: "http", places: [place("127.2.0.1", 80)] },
      { port: 90, protocol: "tcp", places: [place("fd00::2", 9090)] },
    ]);
  });

  it("names a listener at every address by the addresses of the machine", () => {
    const { names } = setUp({
      services: [visible()],
      reports: [listening("0.0.0.0:80"), listening("[::]:80")],
    });
    expect(names.ports("api")).toMatchObject([{ places: [place("10.0.0.1", 80), place("fd00::1", 80)] }]);
  });

  it("names a service that has an address of its own by that, at the service's ports", () => {
    const services = [visible(), visible({ name: "db", port: 5432 })];
    const { names } = setUp({ services, reports: [listening("10.244.0.9:20001")] });
    names.setAddresses((service) => (service === "api" ? ["10.96.0.7"] : null));
    expect(names.ports("api")).toEqual([
      { port: 80, protocol: "http", places: [{ address: "10.96.0.7", port: 80 }] },
    ]);
    expect(names.ports("db")).toBe("unknown");
  });

  it("does not know a service whose listener starts", () => {
    expect(setUp({ services: [visible()] }).names.ports("api")).toBe("unknown");
  });

  it("has no place for a service without a listener because all of its targets are down", () => {
    const down = offers.map((offer) => ({ ...offer, down: [80] }));
    const { names } = setUp({ services: [visible({ protocol: "tcp", offers: down })] });
    expect(names.ports("api")).toEqual([{ port: 80, protocol: "tcp", places: [] }]);
  });

  it("names a service of http whose targets are down by its listener, which answers 503", () => {
    const down = offers.map((offer) => ({ ...offer, down: [80] }));
    const { names } = setUp({
      services: [visible({ offers: down })],
      reports: [listening("127.2.0.1:80")],
    });
    expect(names.ports("api")).toMatchObject([{ places: [place("127.2.0.1", 80)] }]);
  });

  it("has no place for a port of this site alone whose targets are down", () => {
    const targets = [
      { service: "db", host: "10.0.0.7", address: "10.0.0.7", port: 5432 },
      { service: "db", host: "10.0.0.8", address: "10.0.0.8", port: 9000 },
    ];
    const own = [parseExpose("db:5432=10.0.0.7:5432,9000=10.0.0.8:9000")];
    expect(setUp({ own, targets, down: [0] }).names.ports("db")).toMatchObject([
      { port: 5432, places: [] },
      { port: 9000, places: [place("10.0.0.8", 9000, "10-0-0-8")] },
    ]);
  });

  it("has no place for a service whose listener failed", () => {
    const { names } = setUp({
      services: [visible()],
      reports: [listening("127.0.0.1:80", { state: "failed" })],
    });
    expect(names.ports("api")).toMatchObject([{ places: [] }]);
  });

  it("names a service that only this site offers by its target, under a name of the target's", () => {
    const own = [parseExpose("api=10.1.0.1:9000/http")];
    const targets = [{ service: "api", host: "10.1.0.1", address: "10.1.0.1", port: 9000 }];
    const { names } = setUp({ own, targets, services: [visible({ offers: [] })], port: 8080 });
    expect(names.ports("api")).toEqual([
      { port: 8080, protocol: "http", places: [place("10.1.0.1", 9000, "10-1-0-1")] },
    ]);
  });

  it("names a target that is a name by its addresses, and looks them up again", () => {
    const own = [parseExpose("api=db-0.internal:9000")];
    const targets = [{ service: "api", host: "db-0.internal", address: "10.1.0.1", port: 9000 }];
    const { names, refresh } = setUp({ own, targets });
    expect(names.ports("api")).toMatchObject([{ port: 9000, places: [place("10.1.0.1", 9000, "db-0")] }]);
    names.ports("api");
    expect(refresh).toHaveBeenCalledTimes(1);
  });

  it("names a service by its own target when the listener for the others failed", () => {
    const { names } = setUp({
      services: [visible()],
      reports: [listening("127.0.0.1:80", { state: "failed" })],
      own: [parseExpose("api=127.0.0.1:80")],
      targets: [{ service: "api", host: "127.0.0.1", address: "127.0.0.1", port: 80 }],
    });
    expect(names.ports("api")).toMatchObject([{ places: [place("127.0.0.1", 80, "127-0-0-1")] }]);
  });

  it("finds the services whose listeners are at an address", () => {
    const reports = [
      listening("127.2.0.1:80"),
      listening("127.2.0.1:90", { port: 90 }),
      listening("[fd00::1]:80", { service: "six" }),
      { ...listening("127.2.0.3:80", { service: "failed" }), state: "failed" as const },
    ];
    const { names } = setUp({ services: [visible()], reports });
    expect(names.servicesAt("1.0.2.127.in-addr.arpa")).toEqual(["api"]);
    expect(names.servicesAt("3.0.2.127.in-addr.arpa")).toEqual([]);
    expect(names.servicesAt(`1.${"0.".repeat(27)}0.0.d.f.ip6.arpa`)).toEqual(["six"]);
  });

  it("does not name a service whose offer the network refuses", () => {
    const own = [parseExpose("api=10.1.0.1:80")];
    expect(setUp({ own, refused: ["api"] }).names.ports("api")).toBe("absent");
  });

  it("knows that a service does not exist only after the whole welcome", () => {
    expect(setUp({}).names.ports("api")).toBe("absent");
    expect(setUp({ isComplete: false }).names.ports("api")).toBe("unknown");
  });
});
