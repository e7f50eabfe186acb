/**
 * Runs a front whose limits exceed its descriptors: `node front-process.ts DIRECTORY CA CERTIFICATE KEY`. It prints its
 * port and counts repeatedly.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Front } from "../../../connector/edge/front/front.ts";
import { silent } from "../../../connector/log.ts";
import { freePort } from "../free-port.ts";

const [directory = ".", ca = "", certificate = "", key = ""] = process.argv.slice(2);
const read = (path: string) => readFileSync(path, "utf8");
const worker = join(directory, "worker");
createServer((_, answer) => answer.end("served")).listen(worker);
const api = { host: "127.0.0.1", port: await freePort() };
const front = new Front({
  api,
  gateway: { host: "127.0.0.1", port: 0 },
  workerd: { api: worker, gateway: worker },
  server: { certificate: read(certificate), privateKey: read(key) },
  deploymentCa: read(ca),
  limits: { total: 10_000, pending: 10_000, perClient: 10_000 },
  lanes: () => "off",
  log: silent,
});
await front.listen();
setInterval(() => console.log(JSON.stringify({ port: api.port, ...front.counts })), 100);
