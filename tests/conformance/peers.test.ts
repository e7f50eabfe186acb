import { describe, expect } from "vitest";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { CONFORMANCE_PEERS, missing, nameWithVersion } from "../support/conformance/peers.ts";

describe("the peers", () => {
  conformanceCase("have a package that installs each of them", ["node"], () => {
    for (const [name, { apt }] of Object.entries(CONFORMANCE_PEERS)) {
      expect(apt, name).toSatisfy((value: unknown) => value === null || /^[a-z0-9-]+$/.test(String(value)));
    }
    expect(missing("node")).toBeNull();
    expect(nameWithVersion("node")).toBe(`node ${process.versions.node}`);
  });
});
