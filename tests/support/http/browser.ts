/** A browser that keeps cookies by hostname and follows no redirect by itself. */

export type Send = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string | undefined },
) => Promise<Response>;

export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** The fields of a form, which the page of `origin` sends. */
  readonly form?: Record<string, string>;
  readonly origin?: string;
}

export class Browser {
  readonly #send: Send;
  /** Cookies by hostname. */
  readonly #jars = new Map<string, Map<string, string>>();

  constructor(send: Send) {
    this.#send = send;
  }

  /** The cookies for a hostname, by name. */
  cookies(hostname: string): Map<string, string> {
    const jar = this.#jars.get(hostname) ?? new Map<string, string>();
    this.#jars.set(hostname, jar);
    return jar;
  }

  /** Opens a URL, or sends a form to it. */
  async visit(url: string, { method, headers, form, origin }: VisitOptions = {}): Promise<Response> {
    const { hostname } = new URL(url);
    const jar = this.cookies(hostname);
    const response = await this.#send(url, {
      method: method ?? (form === undefined ? "GET" : "POST"),
      headers: {
        accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "sec-fetch-mode": "navigate",
        ...(jar.size > 0 ? { cookie: [...jar].map((pair) => pair.join("=")).join("; ") } : {}),
        ...(form === undefined
          ? {}
          : {
              "content-type": "application/x-www-form-urlencoded",
              origin: origin ?? new URL(url).origin,
            }),
        ...headers,
      },
      body: form === undefined ? undefined : String(new URLSearchParams(form)),
    });
    for (const line of response.headers.getSetCookie()) take(jar, line);
    return response;
  }
}

/** Stores a cookie, by the rules for `__Host-` names. */
function take(jar: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";").map((each) => each.trim());
  const name = pair.slice(0, pair.indexOf("="));
  const given = new Map(
    attributes.map((each) => {
      const [key = "", value] = each.toLowerCase().split("=");
      return [key, value] as const;
    }),
  );
  if (name.startsWith("__Host-")) {
    const isHeld = given.has("secure") && given.get("path") === "/" && !given.has("domain");
    if (!isHeld) throw new Error(`A browser refuses the cookie: ${line}`);
  }
  if (given.get("max-age") === "0") jar.delete(name);
  else jar.set(name, pair.slice(name.length + 1));
}
