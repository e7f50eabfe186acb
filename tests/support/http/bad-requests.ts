/** Requests of HTTP/1.1 that must be refused: what follows such a request on its connection must never be served. */

export interface BadRequest {
  readonly title: string;
  /** Each character is one byte. */
  readonly text: string;
  /** Status of the refusal. */
  readonly status: number;
  /** Most requests that a target may see of it: 1 where the head is good, and its content is not. */
  readonly requests: number;
}

const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const post = (lines: string, content = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${content}`;
const chunked = (content: string): string => post("Transfer-Encoding: chunked\r\n", content);
const coded = (coding: string): string => post(`Transfer-Encoding: ${coding}\r\n`, "0\r\n\r\n");

const HEADS: Readonly<Record<string, string>> = {
  "two lengths": post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"),
  "two lengths that differ": post("Content-Length: 1\r\nContent-Length: 45\r\n", "a"),
  "a list of lengths": post("Content-Length: 1, 1\r\n", "a"),
  "a length with a sign": post("Content-Length: +3\r\n", "abc"),
  "a negative length": post("Content-Length: -1\r\n"),
  "a length in hexadecimal": post("Content-Length: 0x1\r\n", "a"),
  "a length with a fraction": post("Content-Length: 1.0\r\n", "a"),
  "a length of two numbers": post("Content-Length: 1 1\r\n", "a"),
  "a length beyond any number": post(`Content-Length: ${"9".repeat(30)}\r\n`, "a"),
  "an empty length": post("Content-Length:\r\n"),
  "a length and a coding": post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  "a coding and a length": post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
  "a coding other than chunked": coded("gzip, chunked"),
  "a coding behind chunked": coded("chunked, identity"),
  "two codings": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  "a coding hidden behind another": post(
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "0\r\n\r\n",
  ),
  "an unknown coding": coded("xchunked"),
  "a coding in quotes": coded('"chunked"'),
  "a coding with a parameter": coded("chunked;q=1"),
  "a coding behind a vertical tab": coded("\x0bchunked"),
  "an empty coding": coded(""),
  "a coding in HTTP/1.0": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a folded line": get("X: a\r\n b\r\n"),
  "a folded coding": post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
  "a line that begins with a blank": get(" X: a\r\n"),
  "a first line that begins with a blank": "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n",
  "a bare line feed": "GET / HTTP/1.1\nHost: a\n\n",
  "a bare line feed between fields": get("X: a\nY: b\r\n"),
  "a bare line feed before a length": post("X: a\nContent-Length: 40\r\n"),
  "a bare carriage return": get("X: a\rY: b\r\n"),
  "lines that end with carriage returns": "GET / HTTP/1.1\rHost: a\r\r\r\n\r\n",
  "a NUL": get("X: a\0b\r\n"),
  "a NUL in a name": get("X\0: a\r\n"),
  "a control character in a value": get("X: a\x01b\r\n"),
  "a blank before the colon": get("X : a\r\n"),
  "a blank before the colon of a coding": post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  "a tab before the colon of a length": post("Content-Length\t: 5\r\n", "hello"),
  "a byte above 127 in a name": get("X\xe9: a\r\n"),
  "a parenthesis in a name": get("X(a): a\r\n"),
  "a line without a colon": get("X\r\n"),
  "a field without a name": get(": a\r\n"),
  "no Host": "GET / HTTP/1.1\r\n\r\n",
  "two Hosts": get("Host: a\r\n"),
  "two Hosts that differ": get("Host: b\r\n"),
  "a list of Hosts": "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
  "a Host with a user": "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
  "a Host with a path": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "a Host with a blank": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
  "an absolute target of another host": "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "an absolute target of another port": "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "an absolute target with a user": "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "a target of another scheme": "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "a fragment": "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
  "a target without a slash": "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
  "a blank in the target": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
  "a control character in the target": "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
  "an asterisk to GET": "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/2.0 in the request line": "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
  "HTTP/1.2 in the request line": "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
  "HTTP/1.10 in the request line": "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
  "http/1.1 in lower case": "GET / http/1.1\r\nHost: a\r\n\r\n",
  "HTTP/0.9": "GET /\r\n\r\n",
  "two blanks in the request line": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a blank behind the request line": "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
  "a tab in the request line": "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "a method with a blank": "G ET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a method that is no token": "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a CONNECT to no port": "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
  "a CONNECT to another host": "CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n",
  "a CONNECT with content": "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\na",
  "a WebSocket without a key": get("Connection: upgrade\r\nUpgrade: websocket\r\n"),
  "a WebSocket with a malformed key": get(
    "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\n",
  ),
  "a WebSocket to POST": post(
    "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
  ),
  "another protocol": "\x16\x03\x01\x02\x00\x01\x00",
  "the beginning of HTTP/2": "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
  "many empty lines": `${"\r\n".repeat(10)}${get("")}`,
};

const CONTENTS: Readonly<Record<string, string>> = {
  "a chunk without a size": chunked("\r\n"),
  "a size with a sign": chunked("+1\r\na\r\n0\r\n\r\n"),
  "a negative size": chunked("-1\r\na\r\n0\r\n\r\n"),
  "a size with 0x": chunked("0x1\r\na\r\n0\r\n\r\n"),
  "a size with an underscore": chunked("0_1\r\na\r\n0\r\n\r\n"),
  "a size of two numbers": chunked("1 1\r\na\r\n0\r\n\r\n"),
  "a size behind a blank": chunked(" 1\r\na\r\n0\r\n\r\n"),
  "a size beyond any number": chunked(`${"f".repeat(17)}\r\na\r\n0\r\n\r\n`),
  "a size that ends with a line feed": chunked("1\na\r\n0\r\n\r\n"),
  "a size that ends with a carriage return": chunked("1\ra\r\n0\r\n\r\n"),
  "a chunk longer than its size": chunked("1\r\nab\r\n0\r\n\r\n"),
  "a chunk that ends with a line feed": chunked("1\r\na\n0\r\n\r\n"),
  "a carriage return in an extension": chunked("1;a\rb\r\na\r\n0\r\n\r\n"),
  "a line feed in an extension": chunked("1;a\nb\r\na\r\n0\r\n\r\n"),
  "a NUL in an extension": chunked("1;a\0b\r\na\r\n0\r\n\r\n"),
  "an extension without an end": chunked(`1;${"a".repeat(2000)}`),
  "a last chunk of a line feed": chunked("0\n\n"),
  "a length in trailers": chunked("0\r\nContent-Length: 1\r\n\r\n"),
  "a coding in trailers": chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  "a host in trailers": chunked("0\r\nHost: b\r\n\r\n"),
  "a folded line in trailers": chunked("0\r\nX: a\r\n b\r\n\r\n"),
  "a NUL in trailers": chunked("0\r\nX: a\0b\r\n\r\n"),
  "a bare line feed in trailers": chunked("0\r\nX: a\nY: b\r\n\r\n"),
  "a request in place of trailers": chunked("0\r\nGET / HTTP/1.1\r\n\r\n"),
};

const refused = (cases: Readonly<Record<string, string>>, status: number, requests: number): BadRequest[] =>
  Object.entries(cases).map(([title, text]) => ({ title, text, status, requests }));

export const BAD_REQUESTS: readonly BadRequest[] = [
  ...refused(HEADS, 400, 0),
  ...refused(CONTENTS, 400, 1),
  ...refused({ "a line without an end": `GET /${"a".repeat(17_000)}` }, 414, 0),
  ...refused({ "a long line": `GET /${"a".repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n` }, 414, 0),
  ...refused({ "a large field": get(`X: ${"a".repeat(33_000)}\r\n`) }, 431, 0),
  ...refused({ "many fields": get("X: a\r\n".repeat(100)) }, 431, 0),
  ...refused({ "another expectation than 100-continue": get("Expect: 200-ok\r\n") }, 417, 0),
];

/** A request that a target may never see, sent behind each of {@link BAD_REQUESTS}. */
export const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
