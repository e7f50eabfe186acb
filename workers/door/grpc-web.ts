/**
 * Translates gRPC-Web into gRPC and back (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md): a Worker has
 * no trailers, so the response carries them as a last frame of its body. Unary calls and streams of responses work;
 * the text form in base64 is not translated.
 */
import { fieldOf } from "../../protocol/exchange/fields.ts";
import type { Fields, RequestHead, ResponseHead } from "../../protocol/exchange/head.ts";

const WEB = /^application\/grpc-web(?!-text)/;
/** The flag of a frame that holds trailers. */
const TRAILER_FLAG = 0x80;
const FRAME_HEADER = 5;

export class GrpcWeb {
  /** The translation for a request; null when it is no gRPC-Web. */
  static of(head: RequestHead): GrpcWeb | null {
    return WEB.test(fieldOf(head.fields, "content-type") ?? "") ? new GrpcWeb() : null;
  }

  /** The request as gRPC. */
  request(head: RequestHead): RequestHead {
    return { ...head, fields: [...withType(head.fields, WEB, "application/grpc"), "te", "trailers"] };
  }

  /** The head of the response as gRPC-Web. */
  head(head: ResponseHead): ResponseHead {
    return { ...head, fields: withType(head.fields, /^application\/grpc(?!-)/, "application/grpc-web") };
  }

  /** The last frame of the body. */
  trailers(fields: Fields): Uint8Array {
    let text = "";
    for (let at = 0; at + 1 < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`;
    const frame = new Uint8Array(FRAME_HEADER + text.length);
    frame[0] = TRAILER_FLAG;
    new DataView(frame.buffer).setUint32(1, text.length);
    for (let at = 0; at < text.length; at++) frame[FRAME_HEADER + at] = text.charCodeAt(at);
    return frame;
  }
}

function withType(fields: Fields, from: RegExp, to: string): string[] {
  return fields.map((text, index) =>
    index % 2 === 1 && fields[index - 1] === "content-type" ? text.replace(from, to) : text,
  );
}
