import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientAddress, clientGroup } from "../../../../protocol/front/client-address.ts";

describe("clientAddress and clientGroup", () => {
  it.each([
    // Cloudflare and Node.
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8::7", "2001:db8::7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["fe80::1%eth0", "fe80::1"],
    // workerd.
    ["192.0.2.7:36280", "192.0.2.7"],
    ["[2001:db8::7]:36280", "2001:db8::7"],
    ["[::ffff:192.0.2.7]:36280", "192.0.2.7"],
    ["[2001:DB8::7]", "2001:db8::7"],
    ["unknown", "unknown"],
    ["", ""],
  ])("read the address %j as %j", (reported, address) => {
    expect(clientAddress(reported)).toBe(address);
  });

  it.each([
    ["192.0.2.7:1", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["[2001:0db8:0001:0002::6]:443", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
  ])("count %j as %j", (reported, group) => {
    expect(clientGroup(reported)).toBe(group);
  });

  it("count an address as one client with every port and its whole /64", () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(fc.ipV4(), port, (address, at) => {
        expect(clientGroup(`${address}:${at}`)).toBe(clientGroup(address));
      }),
    );
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const half = fc.array(group, { minLength: 4, maxLength: 4 }).map((groups) => groups.join(":"));
    fc.assert(
      fc.property(half, half, half, port, (network, left, right, at) => {
        expect(clientGroup(`[${network}:${left}]:${at}`)).toBe(clientGroup(`${network}:${right}`));
      }),
    );
  });
});
