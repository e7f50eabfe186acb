/** The cases without anything between client and server: what they find elsewhere is not their own fault. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INTEROP_CASES } from "../../../support/grpc/interop-cases.ts";
import { InteropClient } from "../../../support/grpc/interop-client.ts";
import { type InteropServer, serveInterop } from "../../../support/grpc/interop-server.ts";

describe("The interoperability cases of gRPC", () => {
  let server: InteropServer;
  let client: InteropClient;
  beforeAll(async () => {
    server = await serveInterop();
    client = new InteropClient(server.at);
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });

  for (const [name, run] of Object.entries(INTEROP_CASES)) {
    it(`pass without anything between: ${name}`, () => run(client));
  }

  it("reach a server that counts them", () => {
    expect(server.calls).toBeGreaterThan(10);
  });
});
