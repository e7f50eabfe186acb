/**
 * Every operation of the OpenAPI document with every kind of caller. The operations come from the document
 * itself.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Role } from "../../../protocol/api/keys.ts";
import { createApi } from "../../../workers/api/app.ts";
import { type Least, ROLES, roleSuffices } from "../../../workers/auth/roles.ts";
import { ask, call, createKey, createNetwork } from "../../support/workerd/client.ts";
import { ADMIN_KEY, API_URL } from "../../support/workerd/environment.ts";
import { Provider } from "../../support/workerd/identity-provider.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  await resetEdge();
});

interface DescribedOperation {
  "x-fairlead-role"?: Least;
  security?: unknown[];
  servers?: unknown[];
}

interface Described {
  paths: Record<string, Record<string, DescribedOperation>>;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly least: Least | undefined;
  readonly security: unknown[] | undefined;
}

const document = (await (await call("GET", "/v1/openapi.json", { key: null })).json()) as Described;
/** The operations of the API's host. Those of the gateway name their own. */
const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, described]) =>
    described.servers !== undefined
      ? []
      : {
          method: method.toUpperCase(),
          path,
          least: described["x-fairlead-role"],
          security: described.security,
        },
  ),
);
const nameOf = ({ method, path }: Operation) => `${method} ${path}`;
const closed = operations.filter(({ least }) => least !== "public");

/** A path with a value for each parameter. */
const fill = (path: string) =>
  path.replace("{network}", "shop").replaceAll(/\{(\w)\w*\}/g, (_, letter) => `${letter}${"0".repeat(26)}`);

let clients = 0;
/** Calls with a key or token. @returns the refusal of the checks, or "passed" */
async function verdict(operation: Operation, key: string | null, changes: object = {}): Promise<string> {
  clients += 1;
  // A new address each time, since failures are limited by client.
  const address = `198.51.${Math.floor(clients / 200)}.${clients % 200}`;
  const response = await call(operation.method, fill(operation.path), { key, address, changes });
  const text = await response.text();
  const code = /"code":"([a-z_.]+)"/.exec(text)?.[1] ?? "";
  const refused = [401, 403, 429, 500, 503].includes(response.status);
  return refused ? `${response.status} ${code}` : "passed";
}

/** The verdicts of all operations. */
async function everyVerdict(list: readonly Operation[], key: string | null, changes: object = {}) {
  const verdicts: Record<string, string> = {};
  for (const operation of list) {
    // An earlier operation may have deleted the network.
    await call("POST", "/v1/networks", { body: { name: "shop" } });
    verdicts[nameOf(operation)] = await verdict(operation, key, changes);
  }
  return verdicts;
}

const expected = (list: readonly Operation[], of: (operation: Operation & { least: Role }) => string) =>
  Object.fromEntries(
    list.map((operation) => [nameOf(operation), of(operation as Operation & { least: Role })]),
  );

const byRole =
  (role: Role) =>
  ({ least }: { least: Role }) =>
    roleSuffices(role, least) ? "passed" : "403 key.forbidden";

describe("the OpenAPI document", () => {
  it("has every served route of /v1, and no other", () => {
    const served = createApi()
      .routes.filter(({ method, path }) => method !== "ALL" && path.startsWith("/v1/"))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect([...new Set(served)].sort()).toEqual(operations.map(nameOf).sort());
  });

  it("has the least role of each operation from the table", () => {
    expect(Object.fromEntries(operations.map((each) => [nameOf(each), each.least]))).toEqual(ROLES);
  });

  it("requires a key or a session of the console for each operation that is not public", () => {
    for (const operation of operations) {
      const schemes = operation.least === "public" ? [] : [{ key: [] }, { session: [] }];
      expect(operation.security ?? [], nameOf(operation)).toEqual(schemes);
    }
  });
});

describe("every operation", () => {
  beforeEach(async () => {
    await createNetwork("shop");
    await createNetwork("bank");
  });

  it("needs a key unless it is public", async () => {
    const verdicts = await everyVerdict(operations, null);
    expect(verdicts).toEqual(
      expected(operations, ({ least }) => ((least as Least) === "public" ? "passed" : "401 key.missing")),
    );
  });

  it("refuses HEAD without a key as it refuses GET", async () => {
    for (const { path } of closed.filter(({ method }) => method === "GET")) {
      expect((await call("HEAD", fill(path), { key: null })).status, path).toBe(401);
    }
  });

  it("refuses a wrong key", async () => {
    const verdicts = await everyVerdict(closed, `flk_admin_${"b".repeat(43)}`);
    expect(verdicts).toEqual(expected(closed, () => "401 key.invalid"));
  });

  it("refuses a key in another place than the authorization header", async () => {
    for (const operation of closed) {
      const places: [string, Record<string, string>][] = [
        ["", { authorization: ADMIN_KEY }],
        ["", { authorization: `Basic ${btoa(`admin:${ADMIN_KEY}`)}` }],
        ["", { "x-api-key": ADMIN_KEY, cookie: `key=${ADMIN_KEY}` }],
        [`?key=${ADMIN_KEY}&access_token=${ADMIN_KEY}`, {}],
      ];
      for (const [query, headers] of places) {
        const url = `${API_URL}${fill(operation.path)}${query}`;
        const response = await ask(url, { method: operation.method, headers });
        expect([response.status, await response.text()], nameOf(operation)).toEqual([
          401,
          expect.stringContaining("key.missing"),
        ]);
      }
    }
  });

  for (const role of ["viewer", "operator", "admin"] as const) {
    it(`permits a key of the role ${role} exactly what the role permits`, async () => {
      const key = await createKey(role);
      expect(await everyVerdict(closed, key)).toEqual(expected(closed, byRole(role)));
    });

    it(`permits an identity token of the role ${role} exactly what the role permits`, async () => {
      const provider = await Provider.start();
      const token = await provider.token([role]);
      expect(await everyVerdict(closed, token, provider.variables)).toEqual(expected(closed, byRole(role)));
    });
  }

  for (const role of ["viewer", "operator"] as const) {
    it(`refuses a ${role} of another network, with a key or a token`, async () => {
      const wanted = expected(closed, ({ path, least }) =>
        path.includes("{network}") || !roleSuffices(role, least) ? "403 key.forbidden" : "passed",
      );
      expect(await everyVerdict(closed, await createKey(role, ["bank"]))).toEqual(wanted);
      const provider = await Provider.start();
      const OIDC_ROLES = JSON.stringify({ team: { role, networks: ["bank"] } });
      const changes = { ...provider.variables, OIDC_ROLES };
      expect(await everyVerdict(closed, await provider.token(["team"]), changes)).toEqual(wanted);
    });
  }

  it("uses the role that holds in its network among several", async () => {
    const provider = await Provider.start();
    const OIDC_ROLES = JSON.stringify({
      here: { role: "viewer", networks: ["shop"] },
      there: { role: "operator", networks: ["bank"] },
    });
    const token = await provider.token(["here", "there"]);
    const named = closed.filter(({ path }) => path.includes("{network}"));
    expect(await everyVerdict(named, token, { ...provider.variables, OIDC_ROLES })).toEqual(
      expected(named, byRole("viewer")),
    );
  });

  it("refuses an identity token without a provider, and one whose values are not mapped", async () => {
    const provider = await Provider.start();
    const token = await provider.token(["admin"]);
    expect(await everyVerdict(closed, token)).toEqual(expected(closed, () => "401 key.invalid"));
    for (const operation of closed) {
      const response = await call(operation.method, fill(operation.path), {
        key: await provider.token(["nobody"]),
        changes: provider.variables,
      });
      expect([response.status, await response.text()], nameOf(operation)).toEqual([
        403,
        expect.stringContaining("oidc.no_role"),
      ]);
    }
  });
});
