/** Cases of gRPC that the interoperability tests do not have, for any server of the tests' service. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { METHODS } from "./definitions.ts";
import type { InteropCase } from "./interop-cases.ts";
import { ECHO_DETAILS, STATUS_DETAILS } from "./interop-server.ts";

const MEGABYTES = 5_000_000;

export const FURTHER_CASES: Readonly<Record<string, InteropCase>> = {
  async status_details(client) {
    const details = Buffer.alloc(2048, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    const metadata = new Metadata();
    metadata.set(ECHO_DETAILS, details);
    const response_status = { code: status.FAILED_PRECONDITION, message: "see the details" };
    const { status: end } = await client.unary(METHODS.unaryCall, { response_status }, { metadata });
    assert.deepEqual([end.code, end.details], [status.FAILED_PRECONDITION, "see the details"]);
    assert.deepEqual(end.metadata.get(STATUS_DETAILS), [details]);
  },

  async large_messages(client) {
    const request = { response_size: 9_000_000, payload: { body: Buffer.alloc(8_000_000, 7) } };
    const { responses, status: end } = await client.unary(METHODS.unaryCall, request);
    assert.equal(end.code, status.OK, end.details);
    assert.equal(responses[0]?.payload?.body.length, 9_000_000);
  },

  async large_streams(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    for (let count = 0; count < 4; count++) {
      call.write({ response_parameters: [{ size: MEGABYTES }], payload: { body: Buffer.alloc(MEGABYTES) } });
    }
    call.end();
    const sizes = (await result).responses.map(({ payload }) => payload?.body.length);
    assert.deepEqual(sizes, [MEGABYTES, MEGABYTES, MEGABYTES, MEGABYTES]);
  },

  async early_status(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    call.write({ response_parameters: [{ size: 1 }] });
    await once(call, "data");
    call.write({ response_status: { code: status.ABORTED, message: "early" } });
    const { status: end } = await result;
    assert.deepEqual([end.code, end.details], [status.ABORTED, "early"]);
  },

  async concurrent_calls(client) {
    // The library counts a cancelled call of the case before until its turn of the event loop has ended (docs/http.md).
    await client.unary(METHODS.emptyCall, {});
    const sizes = Array.from({ length: 200 }, (_, index) => 1000 + index);
    const calls = sizes.map((response_size) => client.unary(METHODS.unaryCall, { response_size }));
    const results = await Promise.all(calls);
    assert.deepEqual(
      results.map(({ responses }) => responses[0]?.payload?.body.length),
      sizes,
    );
  },

  async health_check(client) {
    const healthy = await client.unary(METHODS.healthCheck, { service: "" });
    assert.deepEqual(healthy.responses, [{ status: "SERVING" }]);
    const { status: end } = await client.unary(METHODS.healthCheck, { service: "nothing" });
    assert.deepEqual([end.code, end.details], [status.NOT_FOUND, "unknown service"]);
  },

  async health_watch(client) {
    const { call, result } = client.output(METHODS.healthWatch, { service: "" });
    const [first] = await once(call, "data");
    assert.deepEqual(first, { status: "SERVING" });
    call.cancel();
    assert.equal((await result).status.code, status.CANCELLED);
  },
};
