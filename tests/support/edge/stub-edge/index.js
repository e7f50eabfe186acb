/** A stand-in for the built Worker: reports how its entrypoints were reached, counts, and holds WebSockets. */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

class Counter extends DurableObject {
  fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS visits (at INTEGER)");
    sql.exec("INSERT INTO visits VALUES (?)", Date.now());
    return Response.json({ count: sql.exec("SELECT count(*) AS count FROM visits").one().count });
  }

  webSocketMessage(socket, message) {
    socket.send(message);
  }
}

export class Registry extends Counter {}
export class Router extends Counter {}
export class Directory extends Counter {}

async function hash(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function describe(entrypoint, request, env, ctx) {
  return Response.json({
    entrypoint,
    props: ctx.props,
    host: new URL(request.url).hostname,
    clientCertificate: request.cf?.tlsClientAuth ?? null,
    env: {
      API_URL: env.API_URL,
      GATEWAY_URL: env.GATEWAY_URL,
      DEPLOYMENT_CA: env.DEPLOYMENT_CA,
      DEPLOYMENT_CA_KEY: await hash(env.DEPLOYMENT_CA_KEY),
      ADMIN_KEY_HASH: env.ADMIN_KEY_HASH,
      OIDC_ISSUER: env.OIDC_ISSUER,
    },
  });
}

/** Fetches a URL. Returns the status, or null when it is not reached. */
async function reach(url) {
  try {
    const { status } = await fetch(url, { redirect: "manual" });
    return Response.json({ status });
  } catch (error) {
    return Response.json({ status: null, error: String(error) });
  }
}

function route(entrypoint, request, env, ctx) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/reach") return reach(searchParams.get("url"));
  const object = { "/count": env.REGISTRY, "/router": env.ROUTER, "/directory": env.DIRECTORY }[pathname];
  if (object === undefined) return describe(entrypoint, request, env, ctx);
  return object.get(object.idFromName("one")).fetch(request);
}

export class LoopbackConsole extends WorkerEntrypoint {
  fetch(request) {
    return route("LoopbackConsole", request, this.env, this.ctx);
  }
}

export class Gateway extends WorkerEntrypoint {
  fetch(request) {
    return route("Gateway", request, this.env, this.ctx);
  }
}

export class PublicDoor extends WorkerEntrypoint {
  fetch() {
    return new Response("door");
  }
}

export default {
  fetch: (request, env, ctx) => route("default", request, env, ctx),
};
