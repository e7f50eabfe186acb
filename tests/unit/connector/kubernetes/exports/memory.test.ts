import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import type { Claim } from "../../../../../connector/kubernetes/exports/claim.ts";
import { ExportMemory, MEMORY_FILE } from "../../../../../connector/kubernetes/exports/memory.ts";
import { silent } from "../../../../../connector/log.ts";
import { openStateDirectory, type StateDirectory } from "../../../../../connector/state/directory.ts";

const claim = (name: string): Claim => ({
  about: { kind: KINDS.statefulSets, namespace: "shop", name, uid: "u1" },
  createdAt: "2026-11-26T10:00:00Z",
  outcome: {
    service: {
      name,
      source: `StatefulSet shop/${name}`,
      ports: [
        { servicePort: 80, protocol: "http2", grpc: true, targets: [{ host: "10.1.0.4", port: 8080 }] },
        { servicePort: 53, protocol: "udp", targets: [] },
      ],
      to: ["east"],
      health: [`${name}=grpc`],
      balance: { mode: "weighted", weight: 50 },
    },
    pods: [
      {
        name: `${name}-0`,
        source: `StatefulSet shop/${name}`,
        ports: [{ servicePort: 80, protocol: "tcp", targets: [] }],
        headless: { of: name, host: `${name}-0` },
      },
    ],
    warnings: [],
  },
});

describe("The memory of exports", () => {
  let directory: string;
  let state: StateDirectory;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "fl-"));
    state = openStateDirectory(directory, { role: "connector" });
  });

  afterEach(async () => {
    await state.close();
    await rm(directory, { recursive: true });
  });

  it("is empty at first", async () => {
    expect(await new ExportMemory(state, silent).load()).toEqual([]);
  });

  it("has the claims with services as they were", async () => {
    const refused: Claim = { ...claim("api"), outcome: { service: null, pods: [], warnings: [] } };
    await new ExportMemory(state, silent).save([claim("db"), refused]);
    expect(await new ExportMemory(state, silent).load()).toEqual([claim("db")]);
  });

  it("is set aside when it is damaged", async () => {
    await writeFile(join(directory, MEMORY_FILE), '{"claims":[{"kind":"Service"}]}');
    expect(await new ExportMemory(state, silent).load()).toEqual([]);
  });
});
