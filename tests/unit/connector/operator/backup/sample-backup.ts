/** A small backup with everything that a backup has. */
import type { Backup } from "../../../../../connector/operator/backup/backup.ts";
import { makeId } from "../../../../../protocol/ids.ts";

const HEADER: Backup["header"] = {
  fairlead: "backup",
  version: 1,
  createdAt: "2026-11-20T10:05:00.000Z",
  software: "1.2.3",
  urls: { api: "https://edge.example:8443", links: "https://edge.example:8444" },
};
const ID = makeId("network", new Uint8Array(16));
export const BACKUP: Backup = {
  header: HEADER,
  files: new Map([
    ["ca.pem", "a\nb"],
    ["edge.json", "{}"],
  ]),
  directory: { type: "application/json", text: '{"networks":[]}' },
  networks: [{ part: "network", id: ID, name: "shop", type: "application/json", text: "{}" }],
};
