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

/** Serves 1 KiB over HTTP/1.1. */
export async function nginxWeb(directory: string, port: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${name};\n`)
    .join("");
  await writeFile(
    join(directory, "nginx.conf"),
    `${preamble()}http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
${temporary}  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type text/plain; return 200 "${"x".repeat(1024)}"; }
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

export interface Hop {
  /** Path of the stream module; null if it is built in. */
  readonly module: string | null;
  readonly forwards: readonly Forward[];
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
`,
  );
}
