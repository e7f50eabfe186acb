/** Configurations of nginx: the measured HTTP server, and a hop of the TLS chain. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Common part: in the foreground, without logs, with all files in its directory. */
function preamble(): string {
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 32768; }
`;
}

/** Directories for files, which nginx makes at its start. */
const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  .map((name) => `  ${name}_temp_path ${name};\n`)
  .join("");

/** Connections are kept for longer than a run. */
const KEEP = `  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
`;

/** Serves 1 KiB over HTTP/1.1, at each of the ports. */
export async function nginxWeb(directory: string, ports: readonly number[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  const listens = ports.map((port) => `    listen 127.0.0.1:${port} backlog=4096;\n`).join("");
  await writeFile(
    join(directory, "nginx.conf"),
    `${preamble()}http {
${KEEP}${TEMPORARY}  server {
${listens}    location / { default_type text/plain; return 200 "${"x".repeat(1024)}"; }
  }
}
`,
  );
}

/** A service through a hop. */
export interface Forward {
  readonly port: number;
  readonly to: { readonly host: string; readonly port: number };
}

/** How requests of a service are proxied: as HTTP/1.1, or as gRPC over HTTP/2. */
export interface RequestForward extends Forward {
  readonly protocol: "http" | "grpc";
}

export interface Hop {
  /** Path of the stream module; null if it is built in. */
  readonly module: string | null;
  readonly forwards: readonly Forward[];
  /** Services whose requests are proxied one by one, over kept-alive connections to the next hop. */
  readonly requests: readonly RequestForward[];
  /** Whether it accepts TLS with a client certificate, from the previous hop. */
  readonly takesTls: boolean;
  /** Whether it dials TLS with its certificate, to the next hop. */
  readonly speaksTls: boolean;
  /** Files with the certificate and key of this hop, and the common CA. */
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/** Configures one of three hops, with mutual TLS 1.3 between them. */
export async function nginxHop(directory: string, hop: Hop): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { certificate, key, ca } = hop;
  const server = hop.takesTls
    ? `  ssl_protocols TLSv1.3;
  ssl_certificate ${certificate};
  ssl_certificate_key ${key};
  ssl_client_certificate ${ca};
  ssl_verify_client on;
  ssl_session_cache shared:chain:10m;
`
    : "";
  const client = hop.speaksTls
    ? `  proxy_ssl on;
  proxy_ssl_protocols TLSv1.3;
  proxy_ssl_certificate ${certificate};
  proxy_ssl_certificate_key ${key};
  proxy_ssl_trusted_certificate ${ca};
  proxy_ssl_verify on;
  proxy_ssl_name localhost;
  proxy_ssl_session_reuse on;
`
    : "";
  const servers = hop.forwards
    .map(
      ({ port, to }) => `  server {
    listen 127.0.0.1:${port}${hop.takesTls ? " ssl" : ""} backlog=4096;
    proxy_pass ${to.host}:${to.port};
  }
`,
    )
    .join("");
  const load = hop.module === null ? "" : `load_module ${hop.module};\n`;
  await writeFile(
    join(directory, "nginx.conf"),
    `${load}${preamble()}stream {
  tcp_nodelay on;
  proxy_buffer_size 64k;
  proxy_timeout 1h;
${server}${client}${servers}}
http {
${KEEP}${TEMPORARY}${hop.requests.map((forward) => requestServer(hop, forward)).join("")}}
`,
  );
}

/** A server that proxies requests to the next hop, and the next hop as its upstream. */
function requestServer(hop: Hop, { port, to, protocol }: RequestForward): string {
  const { certificate, key, ca } = hop;
  const pass = protocol === "grpc" ? "grpc" : "proxy";
  const scheme = `${protocol}${hop.speaksTls ? "s" : ""}`;
  const listen = [
    `127.0.0.1:${port}`,
    ...(hop.takesTls ? ["ssl"] : []),
    ...(protocol === "grpc" ? ["http2"] : []),
  ];
  const server = hop.takesTls
    ? `    ssl_protocols TLSv1.3;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_client_certificate ${ca};
    ssl_verify_client on;
    ssl_session_cache shared:requests:10m;
`
    : "";
  const client = hop.speaksTls
    ? `      ${pass}_ssl_protocols TLSv1.3;
      ${pass}_ssl_certificate ${certificate};
      ${pass}_ssl_certificate_key ${key};
      ${pass}_ssl_trusted_certificate ${ca};
      ${pass}_ssl_verify on;
      ${pass}_ssl_name localhost;
      ${pass}_ssl_session_reuse on;
`
    : "";
  const version =
    protocol === "http" ? `      proxy_http_version 1.1;\n      proxy_set_header Connection "";\n` : "";
  return `  upstream next_${port} {
    server ${to.host}:${to.port};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen ${listen.join(" ")} backlog=4096;
${protocol === "grpc" ? "    http2_max_concurrent_streams 1024;\n" : ""}${server}    location / {
      ${pass}_pass ${scheme}://next_${port};
      ${pass}_set_header Host $host;
      ${pass}_read_timeout 1h;
${version}${client}    }
  }
`;
}
