/** Runs an embedded edge: `node edge-process.ts OPTIONS-AS-JSON`. */
import { EmbeddedEdge } from "../../../connector/edge/embedded-edge.ts";
import { FairleadError } from "../../../protocol/errors.ts";

const edge = new EmbeddedEdge(JSON.parse(process.argv[2] ?? "{}"));
process.once("SIGTERM", async () => {
  await edge.stop();
  process.exit(0);
});
try {
  console.log(JSON.stringify(await edge.start()));
} catch (error) {
  console.log(JSON.stringify({ code: error instanceof FairleadError ? error.code : String(error) }));
  process.exit(1);
}
