/** A path with a round trip of seconds, which the time limits follow. */
import { describe, it } from "vitest";
import { useEdge } from "../support/run/suite.ts";
import { useFromAfar } from "../support/traffic/slow-path.ts";

const suite = useEdge();

describe("A site with a round trip of three seconds to the edge", () => {
  it("joins, gets its uplink and a session, and carries streams both ways", {
    timeout: 300_000,
  }, async () => {
    await useFromAfar(suite, 3000);
  });
});
