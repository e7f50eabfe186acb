import { beforeAll, describe, expect, it } from "vitest";
import { makeId } from "../../../../protocol/ids.ts";
import { makeSealer } from "../../../../workers/authority/sealer.ts";
import { issueTicket, TICKET_MS, type Ticket, verifyTicket } from "../../../../workers/authority/ticket.ts";
import {
  bootIdOf,
  codeOf,
  createDeploymentCa,
  type DeploymentCa,
  networkIdOf,
  random,
  siteIdOf,
} from "../../../support/authority/test-site.ts";

let ca: DeploymentCa;
let otherCa: DeploymentCa;
beforeAll(async () => {
  ca = await createDeploymentCa();
  otherCa = await createDeploymentCa();
});

describe("what is sealed", () => {
  const secret = new TextEncoder().encode("a private key");

  it("opens in its context only, with the deployment's key only", async () => {
    const sealed = await (await makeSealer(ca.key, "one")).seal(secret);
    expect(await (await makeSealer(ca.key, "one")).open(sealed)).toEqual(secret);
    expect(await codeOf((await makeSealer(ca.key, "two")).open(sealed))).toBe("edge.internal");
    expect(await codeOf((await makeSealer(otherCa.key, "one")).open(sealed))).toBe("edge.internal");
  });

  it("does not open when a byte was changed or cut, and looks different each time", async () => {
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

describe("a ticket", () => {
  const now = Date.now();
  const ticket: Ticket = {
    network: networkIdOf(),
    session: makeId("session", random()),
    generation: 3,
    lane: 0,
    site: siteIdOf(),
    boot: bootIdOf(),
    peer: siteIdOf(),
    side: "a",
    expires: now + TICKET_MS,
  };
  const verify = (text: string, at = now) => verifyTicket(text, { deploymentCaKey: ca.key, now: at });

  it("comes back as it was issued", async () => {
    expect(await verify(await issueTicket(ticket, ca.key))).toEqual(ticket);
  });

  it("is refused after 30 seconds", async () => {
    const text = await issueTicket(ticket, ca.key);
    expect(await codeOf(verify(text, now + TICKET_MS))).toBe("none");
    expect(await codeOf(verify(text, now + TICKET_MS + 1))).toBe("ticket.expired");
  });

  it("is refused when it is malformed, altered or another edge's", async () => {
    const text = await issueTicket(ticket, ca.key);
    const [body, mac] = text.split(".");
    const other = await issueTicket({ ...ticket, side: "b" }, ca.key);
    const bad = [
      "",
      ".",
      "a",
      `${text}.x`,
      `${body}.`,
      `${body}.%%`,
      `${other.split(".")[0]}.${mac}`,
      "x".repeat(5000),
    ];
    for (const attempt of bad) expect(await codeOf(verify(attempt))).toBe("ticket.invalid");
    expect(await codeOf(verify(await issueTicket(ticket, otherCa.key)))).toBe("ticket.invalid");
  });

  it("is refused when what was signed has another form", async () => {
    const odd = await issueTicket({ ...ticket, side: "c" } as unknown as Ticket, ca.key);
    expect(await codeOf(verify(odd))).toBe("ticket.invalid");
  });
});
