/** Responses of HTTP/1.1 to a GET that no client may get as they are, and none for another request. */
import { CLIENT_LIMITS } from "../../../connector/http/client/client-limits.ts";

export interface BadResponse {
  readonly title: string;
  /** Each character is one byte. */
  readonly text: string;
}

const ok = (lines: string, content = ""): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${content}`;
const sized = (lines: string, content = ""): string =>
  ok(`Content-Length: ${content.length}\r\n${lines}`, content);
const chunked = (content: string): string => ok("Transfer-Encoding: chunked\r\n", content);

const rows = (cases: Readonly<Record<string, string>>): BadResponse[] =>
  Object.entries(cases).map(([title, text]) => ({ title, text }));

/** What a client would take for a response, if a response before it were read wrongly. */
export const LEAKED = "HTTP/1.1 200 OK\r\nX-Leaked: yes\r\nContent-Length: 6\r\n\r\nleaked";

/** Responses that are refused for what they are. */
export const BAD_RESPONSES: readonly BadResponse[] = rows({
  "no HTTP at all": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
  "a frame of HTTP/2": "\0\0\u0012\u0004\0\0\0\0\0\0\u0003\0\0\0\x80\0\u0004\0\u0001\r\n\r\n",
  "HTTP/0.9": "<html>all of it</html>\r\n\r\n",
  "HTTP/2.0 in the status line": "HTTP/2.0 200 OK\r\n\r\n",
  "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
  "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
  "a status below 100": "HTTP/1.1 099 OK\r\n\r\n",
  "a blank before the status line": " HTTP/1.1 200 OK\r\n\r\n",
  "two lengths": ok("Content-Length: 1\r\nContent-Length: 1\r\n", "a"),
  "two lengths that differ": ok("Content-Length: 1\r\nContent-Length: 9\r\n", "a"),
  "a list of lengths": ok("Content-Length: 1, 1\r\n", "a"),
  "a signed length": ok("Content-Length: +1\r\n", "a"),
  "a negative length": ok("Content-Length: -1\r\n", "a"),
  "a length in hexadecimal": ok("Content-Length: 0x1\r\n", "a"),
  "a length beyond any number": ok(`Content-Length: ${"9".repeat(30)}\r\n`, "a"),
  "both length and coding": ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  "both coding and length": ok("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"),
  "another coding before chunked": ok("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
  "another coding behind chunked": ok("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
  "a coding behind a vertical tab": ok("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
  "two codings": ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  "a coding in HTTP/1.0": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a folded field": sized("A: b\r\n c\r\n"),
  "a folded length": ok("Content-Length:\r\n 1\r\n", "a"),
  "a line that begins with a blank": sized(" A: b\r\n"),
  "a space before the colon": ok("Content-Length : 0\r\n"),
  "a bare line feed": "HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n",
  "a bare line feed between fields": sized("A: b\nC: d\r\n"),
  "a bare carriage return": sized("A: b\rC: d\r\n"),
  "NUL in a value": sized("A: b\0c\r\n"),
  "NUL in the reason": "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
  "a byte above 127 in a name": sized("\xe9: a\r\n"),
  "a line without a colon": sized("nothing\r\n"),
  "a nameless field": sized(": a\r\n"),
  "a chunk size that is no number": chunked("0x1\r\na\r\n0\r\n\r\n"),
  "a chunk size with a sign": chunked("+1\r\na\r\n0\r\n\r\n"),
  "a chunk size with an underscore": chunked("0_1\r\na\r\n0\r\n\r\n"),
  "a chunk without a size": chunked("\r\na\r\n0\r\n\r\n"),
  "a chunk size beyond any number": chunked("fffffffffffffffff\r\n"),
  "a chunk that is longer than its size": chunked("1\r\nab\r\n0\r\n\r\n"),
  "a chunk line that ends with a bare line feed": chunked("1\na\r\n0\r\n\r\n"),
  "a chunk that ends with a bare line feed": chunked("1\r\na\n0\r\n\r\n"),
  "a chunk line without an end": chunked(`1;${"a".repeat(2000)}`),
  "a length in the trailers": chunked("0\r\nContent-Length: 1\r\n\r\n"),
  "a coding in the trailers": chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  "NUL in the trailers": chunked("0\r\nA: b\0c\r\n\r\n"),
  "101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
  "100 of HTTP/1.0": "HTTP/1.0 100 Continue\r\n\r\n",
  "a head that is too large": ok(`A: ${"b".repeat(CLIENT_LIMITS.headBytes)}\r\n`),
  "a head without an end": `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(CLIENT_LIMITS.headBytes / 5)}`,
  "too many fields": ok("A: b\r\n".repeat(CLIENT_LIMITS.fields + 1)),
  "endless informational responses": "HTTP/1.1 102 Processing\r\n\r\n".repeat(
    CLIENT_LIMITS.informational + 1,
  ),
});

/** Responses whose connection ends too early. The title says where. */
export const CUT_RESPONSES: readonly BadResponse[] = rows({
  "within the head": "HTTP/1.1 200 OK\r\nContent-Le",
  "within the content": ok("Content-Length: 2\r\n", "a"),
  "within a chunk": chunked("2\r\na"),
  "before the last chunk": chunked("1\r\na\r\n"),
  "before the trailers end": chunked("0\r\n"),
  "before the final response": "HTTP/1.1 100 Continue\r\n\r\n",
  "before anything": "",
});

/** Good responses with more behind them, which is a response to nothing. */
export const LONG_RESPONSES: readonly BadResponse[] = rows({
  "a second response": sized("", "own") + LEAKED,
  "a second response behind chunks": chunked("3\r\nown\r\n0\r\n\r\n") + LEAKED,
  "a second response behind 204": `HTTP/1.1 204 No Content\r\n\r\n${LEAKED}`,
  "a second response as the content of 204": `HTTP/1.1 204 No Content\r\nContent-Length: ${LEAKED.length}\r\n\r\n${LEAKED}`,
  "a second response as the content of 304": `HTTP/1.1 304 Not Modified\r\nContent-Length: ${LEAKED.length}\r\n\r\n${LEAKED}`,
  "bytes that are no response": `${sized("", "own")}more`,
});
