/**
 * gRPC's interoperability cases by their names, for any server of the tests' service:
 * https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { METHODS, type OutputRequest, type OutputResponse } from "./definitions.ts";
import type { InteropClient } from "./interop-client.ts";
import { ECHO_INITIAL, ECHO_TRAILING } from "./interop-server.ts";

export type InteropCase = (client: InteropClient) => Promise<void>;

const REQUEST_SIZES = [27_182, 8, 1828, 45_904];
const RESPONSE_SIZES = [31_415, 9, 2653, 58_979];
const TRAILING = Buffer.from([0xab, 0xab, 0xab, 0x00, 0xff]);
const SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

const zeros = (size: number) => ({ body: Buffer.alloc(size) });
const sizesOf = (responses: readonly OutputResponse[]) =>
  responses.map(({ payload }) => payload?.body.length);

function echoed(): Metadata {
  const metadata = new Metadata();
  metadata.set(ECHO_INITIAL, "test_initial_metadata_value");
  metadata.set(ECHO_TRAILING, TRAILING);
  return metadata;
}

export const INTEROP_CASES: Readonly<Record<string, InteropCase>> = {
  async empty_unary(client) {
    const { responses, status: end } = await client.unary(METHODS.emptyCall, {});
    assert.deepEqual(end.code, status.OK, end.details);
    assert.equal(responses.length, 1);
  },

  async large_unary(client) {
    const request = { response_size: 314_159, payload: zeros(271_828) };
    const { responses, status: end } = await client.unary(METHODS.unaryCall, request);
    assert.equal(end.code, status.OK, end.details);
    assert.deepEqual(sizesOf(responses), [314_159]);
  },

  async client_streaming(client) {
    const { call, result } = client.input(METHODS.streamingInputCall);
    for (const size of REQUEST_SIZES) call.write({ payload: zeros(size) });
    call.end();
    const { responses, status: end } = await result;
    assert.equal(end.code, status.OK, end.details);
    assert.equal(responses[0]?.aggregated_payload_size, 74_922);
  },

  async server_streaming(client) {
    const request = { response_parameters: RESPONSE_SIZES.map((size) => ({ size })) };
    const { responses, status: end } = await client.output(METHODS.streamingOutputCall, request).result;
    assert.equal(end.code, status.OK, end.details);
    assert.deepEqual(sizesOf(responses), RESPONSE_SIZES);
  },

  async ping_pong(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    for (const [index, size] of RESPONSE_SIZES.entries()) {
      call.write({ response_parameters: [{ size }], payload: zeros(REQUEST_SIZES[index] ?? 0) });
      const [response] = (await once(call, "data")) as [OutputResponse];
      assert.equal(response.payload?.body.length, size);
    }
    call.end();
    const { responses, status: end } = await result;
    assert.equal(end.code, status.OK, end.details);
    assert.equal(responses.length, RESPONSE_SIZES.length);
  },

  async empty_stream(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    call.end();
    const { responses, status: end } = await result;
    assert.equal(end.code, status.OK, end.details);
    assert.deepEqual(responses, []);
  },

  async custom_metadata(client) {
    const unary = await client.unary(
      METHODS.unaryCall,
      { response_size: 314_159, payload: zeros(271_828) },
      { metadata: echoed() },
    );
    const duplex = client.duplex(METHODS.fullDuplexCall, { metadata: echoed() });
    const request: OutputRequest = { response_parameters: [{ size: 314_159 }], payload: zeros(271_828) };
    duplex.call.write(request);
    duplex.call.end();
    for (const { initial, status: end } of [unary, await duplex.result]) {
      assert.equal(end.code, status.OK, end.details);
      assert.deepEqual(initial.get(ECHO_INITIAL), ["test_initial_metadata_value"]);
      assert.deepEqual(end.metadata.get(ECHO_TRAILING), [TRAILING]);
    }
  },

  async status_code_and_message(client) {
    const response_status = { code: status.UNKNOWN, message: "test status message" };
    const unary = await client.unary(METHODS.unaryCall, { response_status });
    const duplex = client.duplex(METHODS.fullDuplexCall);
    duplex.call.write({ response_status });
    duplex.call.end();
    for (const { status: end } of [unary, await duplex.result]) {
      assert.deepEqual([end.code, end.details], [status.UNKNOWN, "test status message"]);
    }
  },

  async special_status_message(client) {
    const response_status = { code: status.UNKNOWN, message: SPECIAL_MESSAGE };
    const { status: end } = await client.unary(METHODS.unaryCall, { response_status });
    assert.deepEqual([end.code, end.details], [status.UNKNOWN, SPECIAL_MESSAGE]);
  },

  async unimplemented_method(client) {
    const { status: end } = await client.unary(METHODS.unimplementedCall, {});
    assert.equal(end.code, status.UNIMPLEMENTED, end.details);
  },

  async unimplemented_service(client) {
    const { status: end } = await client.unary(METHODS.unimplementedService, {});
    assert.equal(end.code, status.UNIMPLEMENTED, end.details);
  },

  async cancel_after_begin(client) {
    const { call, result } = client.input(METHODS.streamingInputCall);
    call.cancel();
    assert.equal((await result).status.code, status.CANCELLED);
  },

  async cancel_after_first_response(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    call.write({ response_parameters: [{ size: 31_415 }], payload: zeros(27_182) });
    await once(call, "data");
    call.cancel();
    const { status: end } = await result;
    assert.equal(end.code, status.CANCELLED);
  },

  async timeout_on_sleeping_server(client) {
    const { call, result } = client.duplex(METHODS.fullDuplexCall, { deadline: Date.now() + 30 });
    call.write({ payload: zeros(27_182) });
    assert.equal((await result).status.code, status.DEADLINE_EXCEEDED);
  },
};
