import { describe, expect, it } from "vitest";
import { decideInvitation, type HeldSession, type InvitedHost } from "../../../../protocol/session/policy.ts";
import type { Encryption, Invitation } from "../../../../protocol/uplink/messages.ts";
import { randomId } from "../../../support/authority/certificates.ts";

const self = { site: randomId("site"), boot: randomId("boot") };
const peer = { site: randomId("site"), siteName: "east", boot: randomId("boot") };
const host: InvitedHost = { self, closing: false, draining: false, allowsHop: false };
const held: HeldSession = { peer, generation: 2, encryption: "end-to-end", resumable: true };

function invitation(generation = 1, more: Partial<Invitation> = {}): Invitation {
  return { session: randomId("session"), generation, lane: 0, peer, ticket: "t", tickets: ["t"], ...more };
}

const hop = { encryption: "hop" as Encryption };

describe("an invitation", () => {
  it("begins a session that is not here, unless the connector is stopping", () => {
    expect(decideInvitation(invitation(), undefined, host)).toEqual({ what: "begin" });
    expect(decideInvitation(invitation(), undefined, { ...host, draining: true })).toMatchObject({
      what: "refuse",
      code: "session.unknown",
    });
    expect(decideInvitation(invitation(), undefined, { ...host, closing: true })).toMatchObject({
      what: "ignore",
      code: "session.closed",
    });
  });

  it("to a generation that is here already changes nothing; to a higher one it brings lanes, also while draining", () => {
    expect(decideInvitation(invitation(1), held, host)).toEqual({ what: "known" });
    expect(decideInvitation(invitation(2), held, host)).toEqual({ what: "known" });
    expect(decideInvitation(invitation(3), held, host)).toEqual({ what: "resume" });
    expect(decideInvitation(invitation(3), held, { ...host, draining: true })).toEqual({ what: "resume" });
  });

  it("to a later generation of what has ended here, or has not begun, is refused, and the registry is told", () => {
    expect(decideInvitation(invitation(3), undefined, host)).toMatchObject({
      what: "refuse",
      code: "session.unknown",
    });
    expect(decideInvitation(invitation(3), { ...held, resumable: false }, host)).toMatchObject({
      what: "refuse",
      code: "session.unknown",
      replaced: true,
    });
    // An edge that cannot resume counts generations for each request.
    const { tickets: _, ...old } = invitation(3);
    expect(decideInvitation(old, undefined, host)).toEqual({ what: "begin" });
  });

  it("to ourselves, or to another mode of a session that is here, is ignored", () => {
    const ours = invitation(1, { peer: { ...self, siteName: "west" } });
    expect(decideInvitation(ours, undefined, host)).toMatchObject({
      what: "ignore",
      code: "session.wrong_peer",
    });
    expect(decideInvitation(invitation(3, hop), held, { ...host, allowsHop: true })).toMatchObject({
      what: "ignore",
      code: "session.forbidden",
    });
  });

  it("to a session that is here with another instance is ignored, though that has the same boot id", () => {
    const other = { ...peer, site: randomId("site") };
    for (const generation of [1, 2, 3]) {
      expect(decideInvitation(invitation(generation, { peer: other }), held, host)).toMatchObject({
        what: "ignore",
        code: "session.wrong_peer",
      });
    }
  });

  it("of a peer of another site that has our boot id is none to ourselves", () => {
    const double = { ...self, site: randomId("site"), siteName: "east" };
    expect(decideInvitation(invitation(1, { peer: double }), undefined, host)).toEqual({ what: "begin" });
  });

  it("to a session with hop encryption needs the connector's own permission, for new lanes too", () => {
    expect(decideInvitation(invitation(1, hop), undefined, host)).toMatchObject({
      what: "refuse",
      code: "session.forbidden",
    });
    expect(decideInvitation(invitation(3, hop), { ...held, ...hop }, host)).toMatchObject({ what: "refuse" });
    expect(decideInvitation(invitation(1, hop), undefined, { ...host, allowsHop: true })).toEqual({
      what: "begin",
    });
    expect(decideInvitation(invitation(3, hop), { ...held, ...hop }, { ...host, allowsHop: true })).toEqual({
      what: "resume",
    });
  });
});
