/** The front without a free descriptor for accept(2), beyond what its own limits prevent. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../connector/edge/credentials/certificates.ts";
import { get } from "../support/edge/edge-client.ts";
import { Cluster, eventually } from "../support/process/cluster.ts";
import { Stranger } from "../support/traffic/stranger.ts";

const DESCRIPTORS = 100;
const Counts = z.object({ port: z.number() });

const cluster = await Cluster.create();
const stranger = new Stranger();
afterAll(async () => {
  await stranger.close();
  await cluster.close();
});

describe("The front", () => {
  it("survives accepts that fail for want of descriptors, and serves again afterwards", async () => {
    const now = Date.now();
    const authority = await makeDeploymentAuthority(now);
    const server = await makeServerCertificate({ authority, names: ["127.0.0.1"], now });
    const files = { ca: authority.certificate, certificate: server.certificate, key: server.privateKey };
    for (const [name, text] of Object.entries(files))
      await writeFile(cluster.path(name), text, { mode: 0o600 });
    const front = cluster.spawn({
      name: "front",
      command: process.execPath,
      args: [
        join(import.meta.dirname, "../support/edge/front-process.ts"),
        cluster.directory,
        ...Object.keys(files).map((name) => cluster.path(name)),
      ],
      descriptors: DESCRIPTORS,
    });
    const counts = () => {
      const last = front.stdout.trim().split("\n").at(-1) ?? "";
      return Counts.parse(JSON.parse(last));
    };
    const { port } = await eventually("the front listens", counts, { within: 60_000 });
    await stranger.hold({ host: "127.0.0.1", port }, 4 * DESCRIPTORS);
    // libuv closes these with a reserve descriptor (uv__emfile_trick) and reports no error.
    await eventually("some connections are not accepted", () => stranger.ended > 0, { within: 60_000 });
    await stranger.close();
    const answer = await eventually(
      "the front serves again",
      () => get(`https://127.0.0.1:${port}/`, { ca: authority.certificate }),
      { within: 60_000 },
    );
    expect(answer).toEqual({ status: 200, body: "served" });
    expect(front.exit).toBeNull();
  });
});
