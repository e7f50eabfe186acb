/** A path on which everything takes seconds: limits on time follow the round trip. */
import { test } from "vitest";
import { useEdge } from "../support/run/suite.ts";
import { useFromAfar } from "../support/traffic/slow-path.ts";

const suite = useEdge();

test("a site with three seconds to the edge and back joins, gets its uplink and a session, and streams carry both ways", {
  timeout: 300_000,
}, async () => {
  await useFromAfar(suite, 3000);
});
