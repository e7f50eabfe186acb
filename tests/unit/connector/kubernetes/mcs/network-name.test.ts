import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  networkName,
  podNetworkName,
  udpNetworkName,
} from "../../../../../connector/kubernetes/mcs/network-name.ts";
import { ServiceName } from "../../../../../protocol/names.ts";

describe("The name in the network of an exported Service", () => {
  it("is its name and its namespace", () => {
    expect(networkName("shop", "api")).toBe("api--shop");
    expect(udpNetworkName("shop", "api")).toBe("api--shop--udp");
    expect(podNetworkName("shop", "db", "east", "db-0")).toBe("db-0--east--db--shop");
  });

  it("has a hash where its parts could be split in two ways", () => {
    expect(networkName("c", "a--b")).toMatch(/^a--b--c-[0-9a-f]{8}$/);
    expect(networkName("b--c", "a")).not.toBe(networkName("c", "a--b"));
  });

  it("is cut to a label", () => {
    const name = networkName("n".repeat(63), "s".repeat(63));
    expect(name).toHaveLength(63);
    expect(name).not.toBe(networkName("n".repeat(62), "s".repeat(63)));
  });

  it("is a service name, and its own for each Service", () => {
    const part = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
    fc.assert(
      fc.property(part, part, part, part, (namespace, name, otherNamespace, otherName) => {
        const found = networkName(namespace, name);
        expect(ServiceName.safeParse(found).success).toBe(true);
        const isSame = namespace === otherNamespace && name === otherName;
        expect(networkName(otherNamespace, otherName) === found).toBe(isSame);
      }),
    );
  });
});
