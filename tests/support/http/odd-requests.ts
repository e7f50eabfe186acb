/** Requests of HTTP/1.1 for /odd that are good, but whose end a careless proxy could misplace. */
import { SMUGGLED } from "./bad-requests.ts";

export interface OddRequest {
  readonly title: string;
  /** Each character is one byte. The last request closes the connection. */
  readonly text: string;
  /** How many requests it is. */
  readonly requests: number;
}

const HEAD = "Host: a\r\nConnection: close\r\n";
const KEPT = "Host: a\r\n";
const chunk = (content: string): string => `${content.length.toString(16)}\r\n${content}\r\n`;
const LENGTH = `Content-Length: ${SMUGGLED.length}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";

const CASES: Readonly<Record<string, readonly [requests: number, text: string]>> = {
  "a POST whose content is a request": [1, `POST /odd HTTP/1.1\r\n${HEAD}${LENGTH}\r\n${SMUGGLED}`],
  "a POST whose chunk is a request": [
    1,
    `POST /odd HTTP/1.1\r\n${HEAD}${CHUNKED}\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ],
  "a DELETE whose chunk is a request": [
    1,
    `DELETE /odd HTTP/1.1\r\n${HEAD}${CHUNKED}\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ],
  "a GET whose content is a request": [1, `GET /odd HTTP/1.1\r\n${HEAD}${LENGTH}\r\n${SMUGGLED}`],
  "a HEAD whose content is a request": [1, `HEAD /odd HTTP/1.1\r\n${HEAD}${LENGTH}\r\n${SMUGGLED}`],
  "an OPTIONS whose chunk is a request": [
    1,
    `OPTIONS /odd HTTP/1.1\r\n${HEAD}${CHUNKED}\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ],
  "a request that Connection takes the length from": [
    1,
    `POST /odd HTTP/1.1\r\nHost: a\r\nConnection: close, content-length\r\n${LENGTH}\r\n${SMUGGLED}`,
  ],
  "a request that Connection takes the coding from": [
    1,
    `POST /odd HTTP/1.1\r\nHost: a\r\nConnection: close, transfer-encoding\r\n${CHUNKED}\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ],
  "a coding in another case": [
    1,
    `POST /odd HTTP/1.1\r\n${HEAD}tRANSFER-eNCODING:\tChunked \r\n\r\n${chunk(SMUGGLED)}0\r\n\r\n`,
  ],
  "sizes with zeros and extensions": [
    1,
    `POST /odd HTTP/1.1\r\n${HEAD}${CHUNKED}\r\n0001;a=b;c="d;e"\r\nx\r\n00000\r\n\r\n`,
  ],
  "trailers that are a request": [
    1,
    `POST /odd HTTP/1.1\r\n${HEAD}${CHUNKED}\r\n${chunk("x")}0\r\nX: GET /smuggled HTTP/1.1\r\n\r\n`,
  ],
  "an upgrade to h2c with content": [
    1,
    `POST /odd HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n${LENGTH}\r\n${SMUGGLED}`,
  ],
  "a request of HTTP/1.0 with content": [1, `POST /odd HTTP/1.0\r\n${LENGTH}\r\n${SMUGGLED}`],
  "an absolute target": [1, `GET http://a/odd HTTP/1.1\r\n${HEAD}\r\n`],
  "a length of many zeros": [1, `POST /odd HTTP/1.1\r\n${HEAD}Content-Length: 000000000\r\n\r\n`],
  "requests in a row": [
    4,
    `GET /odd HTTP/1.1\r\n${KEPT}\r\nHEAD /odd HTTP/1.1\r\n${KEPT}\r\n\r\nPOST /odd HTTP/1.1\r\n${KEPT}${LENGTH}\r\n${SMUGGLED}GET /odd HTTP/1.1\r\n${HEAD}\r\n`,
  ],
};

export const ODD_REQUESTS: readonly OddRequest[] = Object.entries(CASES).map(([title, [requests, text]]) => ({
  title,
  text,
  requests,
}));
