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

describe("decideInvitation", () => {
  it("begins a session that is not held, unless the connector is stopping", () => {
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

  it("keeps a held generation, and resumes for a higher one, also while draining", () => {
    expect(decideInvitation(invitation(1), held, host)).toEqual({ what: "known" });
    expect(decideInvitation(invitation(2), held, host)).toEqual({ what: "known" });
    expect(decideInvitation(invitation(3), held, host)).toEqual({ what: "resume" });
    expect(decideInvitation(invitation(3), held, { ...host, draining: true })).toEqual({ what: "resume" });
  });

  it("refuses a later generation of a session that has ended or has not begun here", () => {
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

  it("ignores an invitation to this instance, and to another mode of a held session", () => {
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

  it("ignores a held session with another instance, even with the same boot id", () => {
    const other = { ...peer, site: randomId("site") };
    for (const generation of [1, 2, 3]) {
      expect(decideInvitation(invitation(generation, { peer: other }), held, host)).toMatchObject({
        what: "ignore",
        code: "session.wrong_peer",
      });
    }
  });

  it("begins a session with a peer of another site that has this instance's boot id", () => {
    const double = { ...self, site: randomId("site"), siteName: "east" };
    expect(decideInvitation(invitation(1, { peer: double }), undefined, host)).toEqual({ what: "begin" });
  });

  it("requires the connector's own permission for hop encryption, for new lanes too", () => {
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
