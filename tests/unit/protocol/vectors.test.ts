/** Checks this implementation with the test vectors for other implementations (tests/vectors/). */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hopResumeKey } from "../../../connector/session/hop-key.ts";
import {
  encodeAck,
  encodeDataHeader,
  encodeEnd,
  encodePark,
  encodePing,
  encodePong,
  MESSAGE,
  readMessage,
  readPreface,
} from "../../../protocol/carrier/index.ts";
import { encodeBase32, encodeHex } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import * as schemas from "../../../protocol/ids.ts";
import { parseSiteUri } from "../../../protocol/names.ts";
import { proofText, ResumeProof } from "../../../protocol/session/resume-proof.ts";
import { FrameDecoder } from "../../../protocol/streams/frame-decoder.ts";
import {
  encodeAccept,
  encodeCredit,
  encodeData,
  encodeFin,
  FRAME,
  parseCredit,
  parseGoaway,
  parseHello,
  parseOpen,
  parseReset,
} from "../../../protocol/streams/frames.ts";
import { OpenCache } from "../../../protocol/streams/open-cache.ts";
import { formatClaim, parseClaim } from "../../../protocol/tokens.ts";
import { AssertionClaims, audienceFor, type Purpose, parseJti } from "../../../protocol/uplink/assertions.ts";
import { ConnectorMessage, RegistryMessage } from "../../../protocol/uplink/messages.ts";
import assertions from "../../vectors/assertions.json" with { type: "json" };
import carrier from "../../vectors/carrier.json" with { type: "json" };
import claims from "../../vectors/claims.json" with { type: "json" };
import frames from "../../vectors/frames.json" with { type: "json" };
import ids from "../../vectors/ids.json" with { type: "json" };
import prefaces from "../../vectors/prefaces.json" with { type: "json" };
import uplink from "../../vectors/uplink.json" with { type: "json" };

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

function codeOf(action: () => unknown): string {
  try {
    action();
    return "accepted";
  } catch (error) {
    return error instanceof FairleadError ? error.code : String(error);
  }
}

describe("the vectors of ids, claims and assertions", () => {
  const SCHEMA = {
    ...{ network: schemas.NetworkId, site: schemas.SiteId, token: schemas.TokenId, link: schemas.LinkId },
    ...{ session: schemas.SessionId, boot: schemas.BootId, key: schemas.KeyId },
    door: schemas.DoorId,
  } as const;
  const schemaOf = (kind: string) => SCHEMA[kind as keyof typeof SCHEMA];

  it("have the texts that this implementation writes and reads", () => {
    for (const { hex, text } of ids.base32) expect(encodeBase32(bytes(hex))).toBe(text);
    for (const { kind, random, id } of ids.ids) {
      expect(schemas.makeId(kind as schemas.IdKind, bytes(random))).toBe(id);
      expect(schemaOf(kind).parse(id)).toBe(id);
    }
    expect(new Set(ids.ids.map(({ kind }) => kind))).toEqual(new Set(Object.keys(schemas.ID_LETTER)));
    for (const { text, network, token, secret } of claims.claims) {
      expect(formatClaim(network, token, bytes(secret))).toBe(text);
      expect(parseClaim(text)).toMatchObject({ networkId: network, tokenId: token });
    }
    for (const { edge, purpose, audience } of assertions.audiences) {
      expect(audienceFor(edge, purpose as Purpose)).toBe(audience);
    }
    const { network, site, boot, counter } = assertions.assertion;
    const { iss, jti, iat, exp } = AssertionClaims.parse(assertions.assertion.claims);
    expect(parseSiteUri(iss)).toEqual({ networkId: network, siteId: site });
    expect(parseJti(jti)).toEqual({ boot, counter });
    expect(exp - iat).toBe(60);
  });

  it("have the texts that this implementation refuses", () => {
    for (const { kind, id, why } of ids.refused)
      expect(schemaOf(kind).safeParse(id).success, why).toBe(false);
    for (const { text, why } of claims.refused) expect(parseClaim(text), why).toBeNull();
    for (const jti of assertions.refusedJti) expect(parseJti(jti), jti).toBeNull();
  });
});

describe("the vectors of frames", () => {
  const read = (hex: string) => {
    const seen: { type: number; stream: number; payload: Uint8Array }[] = [];
    new FrameDecoder({
      frame: (type, stream, payload) => seen.push({ type, stream, payload: payload.slice() }),
      data: (stream, payload) => seen.push({ type: FRAME.data, stream, payload: payload.slice() }),
    }).push(bytes(hex));
    return seen;
  };
  const PARSE: Record<number, (payload: Uint8Array) => unknown> = {
    [FRAME.hello]: parseHello,
    [FRAME.open]: parseOpen,
    [FRAME.credit]: parseCredit,
    [FRAME.reset]: parseReset,
    [FRAME.goaway]: parseGoaway,
  };

  const opens = new OpenCache();

  it.each(frames.frames)("have the bytes of $name on stream $stream: $hex", (vector) => {
    const { name, type, stream, hex } = vector;
    expect(FRAME[name.toLowerCase() as keyof typeof FRAME]).toBe(type);
    const [frame, ...rest] = read(hex);
    expect(rest).toEqual([]);
    expect(frame).toMatchObject({ type, stream });
    const payload = frame?.payload ?? new Uint8Array();
    if ("json" in vector) {
      expect(PARSE[type]?.(payload)).toEqual(vector.json);
      if (type === FRAME.open) expect(encodeHex(opens.encode(opens.decode(payload)))).toBe(hex.slice(16));
    } else if (vector.credit !== undefined) {
      expect(PARSE[type]?.(payload)).toBe(vector.credit);
      expect(encodeHex(encodeCredit(stream, vector.credit))).toBe(hex);
    } else if (vector.data !== undefined) {
      expect(encodeHex(payload)).toBe(vector.data);
      expect(encodeHex(encodeData(stream, bytes(vector.data)))).toBe(hex);
    } else expect(encodeHex((name === "FIN" ? encodeFin : encodeAccept)(stream))).toBe(hex);
  });

  it("have a frame of every type", () => {
    expect(new Set(frames.frames.map(({ type }) => type))).toEqual(new Set(Object.values(FRAME)));
  });

  it("have the frames that a receiver skips or refuses", () => {
    for (const { hex, why } of frames.skipped) expect(read(hex), why).toEqual([]);
    for (const { hex, code, why } of frames.refused)
      expect(
        codeOf(() => read(hex)),
        why,
      ).toBe(code);
    for (const { type, hex, code, why } of frames.payloadsRefused) {
      expect(
        codeOf(() => PARSE[type]?.(bytes(hex))),
        why,
      ).toBe(code);
    }
  });
});

describe("the vectors of carrier messages", () => {
  type Vector = (typeof carrier.messages)[number];
  const write = ({ name, number, ...fields }: Vector): Uint8Array => {
    const { offset = 0, received = 0, sent = 0, id = 0, code = "" } = fields;
    if (name === "ACK") return encodeAck(number, received);
    if (name === "PING") return encodePing(number, id, received);
    if (name === "PONG") return encodePong(number, id, received);
    if (name === "PARK") return encodePark(number, sent, received);
    if (name === "END") return encodeEnd(number, sent, code);
    return Buffer.concat([encodeDataHeader(number, offset), bytes(fields.bytes ?? "")]);
  };

  it.each(carrier.messages)("have the bytes of $name: $hex", (vector) => {
    const { name, number, hex, bytes: data, ...fields } = vector;
    const type = MESSAGE[name.toLowerCase() as keyof typeof MESSAGE];
    const message = readMessage(bytes(hex), number);
    expect(message).toMatchObject({ type, ...fields });
    if (message?.type === MESSAGE.data) expect(encodeHex(message.bytes)).toBe(data);
    expect(encodeHex(write(vector))).toBe(hex);
  });

  it("have the messages that a receiver skips or refuses", () => {
    for (const { number, hex, why } of carrier.skipped)
      expect(readMessage(bytes(hex), number), why).toBeNull();
    for (const { number, hex, code, why } of carrier.refused) {
      expect(
        codeOf(() => readMessage(bytes(hex), number)),
        why,
      ).toBe(code);
    }
    expect(new Set(carrier.messages.map(({ name }) => name.toLowerCase()))).toEqual(
      new Set(Object.keys(MESSAGE)),
    );
  });
});

describe("the vectors of prefaces", () => {
  it.each(prefaces.prefaces)(
    "have a preface that is read: $about",
    ({ text, expected, version, received, window }) => {
      expect(readPreface(text, expected)).toMatchObject({ version, preface: { received, window } });
    },
  );

  it.each(prefaces.refused)("have a preface that is refused: $about", ({ text, code }) => {
    expect(codeOf(() => readPreface(text, prefaces.refusedExpected))).toBe(code);
  });

  it("have the proofs that this implementation creates and verifies", () => {
    const resumeProof = new ResumeProof(bytes(prefaces.key), (key, text) =>
      createHmac("sha256", key).update(text).digest(),
    );
    for (const { text, proof, ...claim } of prefaces.proofs) {
      expect(proofText({ session: prefaces.session, ...claim })).toBe(text);
      expect(resumeProof.create({ session: prefaces.session, ...claim })).toBe(proof);
    }
    for (const { session, serverShare, clientShare, key } of prefaces.hopResumeKeys) {
      expect(encodeHex(hopResumeKey(session, "server", serverShare, clientShare))).toBe(key);
      expect(encodeHex(hopResumeKey(session, "client", clientShare, serverShare))).toBe(key);
    }
  });
});

describe("the vectors of uplink messages", () => {
  const typesOf = (schema: typeof ConnectorMessage | typeof RegistryMessage) =>
    new Set(schema.options.map((option) => option.shape.type.value));

  it.each(uplink.connector)("have a connector's $type that is parsed", (message) => {
    expect(ConnectorMessage.parse(message)).toEqual(message);
  });

  it.each(uplink.registry)("have a registry's $type that is parsed", (message) => {
    expect(RegistryMessage.parse(message)).toMatchObject(message);
  });

  it("have a message of every type, and messages that are refused", () => {
    expect(new Set<string>(uplink.connector.map(({ type }) => type))).toEqual(typesOf(ConnectorMessage));
    expect(new Set<string>(uplink.registry.map(({ type }) => type))).toEqual(typesOf(RegistryMessage));
    for (const { message, why } of uplink.refusedFromConnector) {
      expect(ConnectorMessage.safeParse(message).success, why).toBe(false);
    }
  });
});
