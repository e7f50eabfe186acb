// The API of site east: answers every request with a greeting.
import { createServer } from "node:http";

createServer((request, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(`Hello from east: ${request.method} ${request.url}\n`);
}).listen(9000, "127.0.0.1");
