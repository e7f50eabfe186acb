/** Keys, users and hostnames of an edge that does not exist. */
import * as z from "zod";
import { ConsoleUser } from "../../../protocol/api/console.ts";
import { ListedHostname } from "../../../protocol/api/hostnames.ts";
import { ApiKey, CreatedKey, CreateKey } from "../../../protocol/api/keys.ts";
import { ID_BYTES, makeId } from "../../../protocol/ids.ts";
import type { StandInNetwork } from "./network.ts";

const HOUR = 3_600_000;

const Created = z.array(ApiKey);

export class StandInAdministration {
  readonly #network: StandInNetwork;
  readonly #now: number;
  #keys: z.infer<typeof Created>;
  #made = 0;

  constructor(network: StandInNetwork, now: number) {
    this.#network = network;
    this.#now = now;
    this.#keys = Created.parse([
      this.#key({ name: "ci", role: "operator", hours: 30 * 24, usedHours: 1 }),
      this.#key({ name: "grafana", role: "viewer", hours: 9 * 24, usedHours: 0, isOwn: true }),
      this.#key({ name: "break glass", role: "admin", hours: 200 * 24, usedHours: null }),
    ]);
  }

  keys(): z.infer<typeof Created> {
    return this.#keys;
  }

  users(): ConsoleUser[] {
    return z.array(ConsoleUser).parse([
      { name: "admin", role: "admin", networks: null, createdAt: this.#ago(40 * 24) },
      { name: "anna", role: "operator", networks: [this.#network.name], createdAt: this.#ago(3) },
    ]);
  }

  hostnames(): ListedHostname[] {
    const [service] = this.#network.services;
    const common = { network: this.#network.id, grantedAt: this.#ago(50) };
    const published =
      service === undefined
        ? []
        : [
            {
              hostname: "shop.example.com",
              service: service.name,
              access: "open",
              sites: service.sites.map(({ name }) => name).sort(),
            },
          ];
    return z.array(ListedHostname).parse([
      { ...common, pattern: "shop.example.com", published },
      { ...common, pattern: "*.staging.example.com", published: [] },
    ]);
  }

  /** Makes a key, as `POST /v1/keys` does. */
  create(body: unknown): z.infer<typeof CreatedKey> {
    const { name, role, networks } = CreateKey.parse(body);
    const key = this.#key({ name, role, hours: 0, usedHours: null, isOwn: networks !== undefined });
    this.#keys = Created.parse([...this.#keys, key]);
    return CreatedKey.parse({ ...key, key: `fl_${key.id.repeat(2)}` });
  }

  revoke(id: string): void {
    this.#keys = this.#keys.filter((key) => key.id !== id);
  }

  #key(options: {
    readonly name: string;
    readonly role: string;
    readonly hours: number;
    readonly usedHours: number | null;
    readonly isOwn?: boolean;
  }) {
    const { name, role, hours, usedHours, isOwn = false } = options;
    this.#made += 1;
    return {
      id: makeId("key", new Uint8Array(ID_BYTES).fill(this.#made)),
      name,
      role,
      networks: isOwn ? [this.#network.id] : null,
      createdAt: this.#ago(hours),
      lastUsedAt: usedHours === null ? null : this.#ago(usedHours),
    };
  }

  #ago(hours: number): string {
    return new Date(this.#now - hours * HOUR).toISOString();
  }
}
