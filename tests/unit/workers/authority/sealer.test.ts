import { beforeAll, describe, expect, it } from "vitest";
import { makeSealer } from "../../../../workers/authority/sealer.ts";
import { codeOf, createDeploymentCa, type DeploymentCa } from "../../../support/authority/test-site.ts";

let ca: DeploymentCa;
let otherCa: DeploymentCa;
beforeAll(async () => {
  ca = await createDeploymentCa();
  otherCa = await createDeploymentCa();
});

describe("makeSealer", () => {
  const secret = new TextEncoder().encode("a private key");

  it("opens what it sealed only with the same context and the same deployment key", async () => {
    const sealed = await (await makeSealer(ca.key, "one")).seal(secret);
    expect(await (await makeSealer(ca.key, "one")).open(sealed)).toEqual(secret);
    expect(await codeOf((await makeSealer(ca.key, "two")).open(sealed))).toBe("edge.internal");
    expect(await codeOf((await makeSealer(otherCa.key, "one")).open(sealed))).toBe("edge.internal");
  });

  it("refuses altered and cut bytes, and seals the same bytes differently each time", async () => {
    const sealer = await makeSealer(ca.key, "one");
    const sealed = await sealer.seal(secret);
    expect(await sealer.seal(secret)).not.toEqual(sealed);
    for (let at = 0; at < sealed.length; at++) {
      const altered = new Uint8Array(sealed);
      altered[at] = (altered[at] ?? 0) ^ 0x80;
      expect(await codeOf(sealer.open(altered))).toBe("edge.internal");
    }
    expect(await codeOf(sealer.open(sealed.subarray(0, 5)))).toBe("edge.internal");
  });
});
