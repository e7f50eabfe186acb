import { beforeAll, describe, expect, it } from "vitest";
import { makeId } from "../../../../protocol/ids.ts";
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

describe("verifyTicket", () => {
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

  it("returns the ticket that was issued", async () => {
    expect(await verify(await issueTicket(ticket, ca.key))).toEqual(ticket);
  });

  it("refuses an expired ticket with ticket.expired", async () => {
    const text = await issueTicket(ticket, ca.key);
    expect(await codeOf(verify(text, now + TICKET_MS))).toBe("none");
    expect(await codeOf(verify(text, now + TICKET_MS + 1))).toBe("ticket.expired");
  });

  it("refuses a malformed, an altered and another edge's ticket with ticket.invalid", async () => {
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

  it("refuses a signed ticket of another form with ticket.invalid", async () => {
    const odd = await issueTicket({ ...ticket, side: "c" } as unknown as Ticket, ca.key);
    expect(await codeOf(verify(odd))).toBe("ticket.invalid");
  });
});
