import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { addressTowards } from "../../../../../connector/kubernetes/api/address-towards.ts";

const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
const others = own.filter(({ internal }) => !internal).map(({ address }) => address);

describe("The address towards a server", () => {
  it.each(["https://127.0.0.1:6443", "https://[::1]:6443", "https://192.0.2.1", "https://[2001:db8::1]:443"])(
    "%s is one of this machine that others can reach, or none",
    async (url) => {
      const address = await addressTowards(new URL(url));
      if (address === null) return;
      expect(isIP(address)).toBeGreaterThan(0);
      expect(others).toContain(address);
    },
  );
});
