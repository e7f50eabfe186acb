import { describe, expect, it } from "vitest";
import {
  type LinkFact,
  type SiteFacts,
  siteEvents,
} from "../../../../../connector/kubernetes/links/site-events.ts";

const NOTHING: SiteFacts = { links: [], incoming: [], services: [] };
const link = (more: Partial<LinkFact> = {}): LinkFact => ({
  ...{ id: "1", name: "link1", peer: "public1", isUp: true, ...more },
});

/** The Events as `type reason note` lines. */
const told = (before: Partial<SiteFacts>, after: Partial<SiteFacts>): string[] =>
  siteEvents({ ...NOTHING, ...before }, { ...NOTHING, ...after }).map(
    ({ type, reason, note }) => `${type} ${reason} ${note}`,
  );

describe("The Events of a site", () => {
  it("tell of a link that was created, in Skupper's words, and when it is up", () => {
    expect(told({}, { links: [link({ isUp: false })] })).toEqual([
      "Normal TokenHandler Connecting using token link1.",
      'Normal LinkManagement Created link "link1".',
    ]);
    expect(told({ links: [link({ isUp: false })] }, { links: [link()] })).toEqual([
      "Normal ServiceSyncEvent Service sync sender connection to public1 established.",
    ]);
  });

  it("tell of a link of another site by its connection", () => {
    expect(told({}, { incoming: [link({ peer: "private1" })] })).toEqual([
      "Normal ServiceSyncEvent Service sync receiver connection to private1 established.",
    ]);
  });

  it("warn of a link that went down, with the reason and what to do, once for each reason", () => {
    const down = link({ isUp: false, code: "link.revoked" });
    const [warning = "", ...others] = told({ links: [link()] }, { links: [down] });
    expect(warning).toMatch(/^Warning LinkManagement Link "link1" to public1 is down\. .+\. .+\.$/);
    expect(others).toEqual([]);
    expect(told({ links: [down] }, { links: [down] })).toEqual([]);
    expect(told({ links: [down] }, { links: [{ ...down, code: undefined }] })).toEqual([
      'Warning LinkManagement Link "link1" to public1 is down.',
    ]);
  });

  it("tell of links that are gone", () => {
    expect(told({ links: [link()], incoming: [link({ id: "2", peer: "private1" })] }, {})).toEqual([
      'Normal LinkManagement Deleted link "link1".',
      'Normal LinkManagement Deleted link "link1" of site private1.',
    ]);
  });

  it("tell of services that commands exposed and withdrew", () => {
    expect(told({ services: ["a", "b"] }, { services: ["b", "c"] })).toEqual([
      "Normal ServiceManagement Service c exposed.",
      "Normal ServiceManagement Service a is no longer exposed.",
    ]);
  });
});
