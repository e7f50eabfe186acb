/** Requests: who asks, whether they may, and which read, write or watch it is. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parse as parseYaml, stringify } from "yaml";
import type { Authenticator, User } from "./authentication.ts";
import type { Authorizer } from "./authorization.ts";
import {
  aggregatedDocument,
  discoveryDocument,
  openApiDocument,
  openApiIndex,
  VERSION,
} from "./discovery.ts";
import type { Faults } from "./faults.ts";
import { isObject, type Json, type JsonObject, objectIn, textIn, textsIn } from "./json.ts";
import { keyOf, labelsOf } from "./metadata.ts";
import { chooseForm, type Form, mediaTypeOf } from "./negotiation.ts";
import { apiVersionOf, type KubeObject } from "./object.ts";
import { PROTOBUF, readProtobuf } from "./protobuf.ts";
import type { Registry } from "./registry.ts";
import { isTrue, type RequestInfo, readRequestInfo, type Target } from "./request-info.ts";
import type { DeleteOptions, Place, ResourceStore, WriteOptions } from "./resource-store.ts";
import { answerReview } from "./reviews.ts";
import { patchOfScale, scaleOf } from "./scale.ts";
import { fieldSelector, labelSelector } from "./selectors.ts";
import {
  badRequest,
  expired,
  forbidden,
  internal,
  invalid,
  invalidValue,
  methodNotAllowed,
  noSuchPath,
  StatusError,
  tooLarge,
  unsupported,
  unsupportedMediaType,
  versionTooLarge,
} from "./status.ts";
import type { Storage } from "./storage.ts";
import { partialOf, tableOf } from "./table.ts";
import { BOOKMARK_PERIOD, WatchStream } from "./watch.ts";

const MAX_BODY = 3 * 1024 * 1024;
const BODY_TYPES = ["application/json", "application/yaml", PROTOBUF];
const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const OLD_CONTINUE =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
const SELECTABLE = ["metadata.name", "metadata.namespace"];

export interface Parts {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly store: ResourceStore;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly faults: Faults;
}

/** A request that the server took, for tests that count them. */
export interface Seen {
  readonly user: string;
  readonly method: string;
  readonly url: string;
  readonly verb: string;
  readonly resource: string;
  readonly status: number;
}

interface Context {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly user: User;
  readonly warnings: string[];
}

interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly contentType?: string;
}

export class RequestHandler {
  readonly #parts: Parts;
  readonly #watches = new Set<WatchStream>();
  readonly seen: Seen[] = [];
  /** Time between bookmarks, ms. */
  bookmarkPeriod = BOOKMARK_PERIOD;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Ends all watches, as the real server does now and then. @param error ends them with an ERROR event first */
  endWatches(error?: StatusError): void {
    for (const watch of this.#watches) {
      if (error === undefined) watch.end();
      else watch.fail(error);
    }
    this.#watches.clear();
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults } = this.#parts;
    const info = readRequestInfo(request.method ?? "GET", request.url ?? "/");
    let user: User | undefined;
    const warnings: string[] = [];
    try {
      await faults.pass();
      const asking = await this.#parts.authenticator.authenticate(request.headers.authorization);
      user = impersonated(asking, request, this.#parts.authorizer);
      faults.refuse(info, request.headers["user-agent"] ?? "");
      this.#parts.authorizer.authorize(user, info);
      const answer = await this.#answer({ request, response, info, user, warnings });
      await faults.pass();
      if (answer !== undefined) this.#send(request, response, answer, warnings);
    } catch (thrown) {
      const error = thrown instanceof StatusError ? thrown : internal(String(thrown));
      // A client that went away has its own reasons.
      if (!(thrown instanceof StatusError) && !response.destroyed) console.error(thrown);
      await faults.pass();
      this.#sendError(response, error, warnings);
    }
    const { method = "", url = "" } = request;
    this.seen.push({
      user: user?.name ?? "",
      method,
      url,
      verb: info.verb,
      resource: info.target?.resource ?? "",
      status: response.statusCode,
    });
  }

  async #answer(context: Context): Promise<Answer | undefined> {
    const { info } = context;
    return info.target === undefined ? this.#document(context) : await this.#onResource(context, info.target);
  }

  /** Discovery, OpenAPI, version and health. */
  #document({ info, request, response }: Context): Answer | undefined {
    const { registry } = this.#parts;
    const path = info.path.replace(/(?<=.)\/$/, "");
    if (["/healthz", "/livez", "/readyz"].some((each) => path === each || path.startsWith(`${each}/`))) {
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("ok");
      return undefined;
    }
    if (path === "/version") return { code: 200, body: VERSION };
    if (path === "/openapi/v3") return { code: 200, body: openApiIndex(registry) };
    const [, api, group = "", version = ""] =
      /^\/openapi\/v3\/(apis?)\/(?:([^/]+)\/)?([^/]+)$/.exec(path) ?? [];
    if (api !== undefined) {
      const body = openApiDocument(registry, api === "api" ? "" : group, version);
      if (body !== undefined) return { code: 200, body };
    }
    if (path === "/api" || path === "/apis") {
      const form = chooseForm(request.headers.accept, ["discovery"]);
      if (form === "discovery") {
        return {
          code: 200,
          body: aggregatedDocument(registry, path),
          contentType: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        };
      }
    }
    const body = discoveryDocument(registry, path);
    if (body !== undefined) return { code: 200, body };
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("404 page not found\n");
    return undefined;
  }

  async #onResource(context: Context, target: Target): Promise<Answer | undefined> {
    const { info, request, response, user } = context;
    const { registry, authorizer, authenticator } = this.#parts;
    const { group, version, resource, subresource } = target;
    if (request.method === "POST" && version === "v1") {
      const review = `${resource}.${group}`;
      if (/reviews\.(authorization|authentication)\.k8s\.io$/.test(review)) {
        const answered = await answerReview(review, await this.#readBody(request), user, {
          authorizer,
          authenticator,
        });
        if (answered !== undefined) return { code: 201, body: answered };
      }
    }
    const found = registry.find(group, version, resource);
    if (found === undefined) {
      if (registry.serves(group, version)) throw noSuchPath();
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("404 page not found\n");
      return undefined;
    }
    const { type } = found;
    const place: Place = {
      ...found,
      name: target.name,
      namespace: type.namespaced ? target.namespace : "",
      subresource,
    };
    if (subresource === "token" && resource === "serviceaccounts" && request.method === "POST") {
      return await this.#issueToken(context, place);
    }
    if (subresource === "scale" && type.hasScale === true) return await this.#onScale(context, place);
    if (subresource !== "" && !(subresource === "status" && type.hasStatus)) throw noSuchPath();
    if (type.namespaced && target.namespace === "" && !["list", "watch"].includes(info.verb)) {
      if (info.verb === "create") throw methodNotAllowed();
      throw noSuchPath();
    }
    return await this.#onObjects(context, place);
  }

  async #onObjects(context: Context, place: Place): Promise<Answer | undefined> {
    const { info, request } = context;
    const { store } = this.#parts;
    const code = info.verb === "create" ? 201 : 200;
    switch (info.verb) {
      case "get":
        this.#checkVersion(place, info.query.get("resourceVersion"));
        if (isTrue(info.query.get("watch"))) return this.#watch(context, place);
        return this.#shown(context, place, store.get(place), code);
      case "list":
        return this.#list(context, place);
      case "watch":
        return this.#watch(context, place);
      case "create": {
        if (place.name !== "") throw methodNotAllowed();
        const body = await this.#readBody(request);
        return this.#shown(
          context,
          place,
          store.create(place, body, this.#writeOptions(context, "CreateOptions")),
          code,
        );
      }
      case "update": {
        if (place.name === "") throw methodNotAllowed();
        const body = await this.#readBody(request);
        return this.#shown(
          context,
          place,
          store.update(place, body, this.#writeOptions(context, "UpdateOptions")),
          code,
        );
      }
      case "patch": {
        const options = this.#writeOptions(context, "PatchOptions");
        const { object, created } = await this.#patch(context, place, options);
        return this.#shown(context, place, object, created ? 201 : 200);
      }
      case "delete": {
        const options = this.#deleteOptions(await this.#readOptionalBody(request), info.query);
        const { object, gone } = store.delete(place, options);
        if (!gone || place.type.returnsDeleted === true) {
          return this.#shown(context, place, object, code);
        }
        return { code: 200, body: deletedStatus(place, object) };
      }
      case "deletecollection": {
        const options = this.#deleteOptions(await this.#readOptionalBody(request), info.query);
        const matches = this.#matcher(info, place);
        const chosen = store.collection(place).list().filter(matches);
        for (const { metadata } of chosen) {
          store.delete({ ...place, name: metadata.name, namespace: metadata.namespace ?? "" }, options);
        }
        return this.#listAnswer(context, place, chosen, { resourceVersion: this.#revision() });
      }
      default:
        throw methodNotAllowed();
    }
  }

  async #patch(context: Context, place: Place, options: WriteOptions) {
    const { request, info } = context;
    const contentType = mediaTypeOf(request.headers["content-type"]);
    const accepted = place.type.custom
      ? PATCH_TYPES.filter((each) => !each.includes("strategic"))
      : PATCH_TYPES;
    if (!accepted.includes(contentType)) throw unsupportedMediaType(accepted);
    const force = info.query.get("force");
    const isApply = contentType === "application/apply-patch+yaml";
    if (force !== null && !isApply) {
      throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
        {
          field: "force",
          reason: "FieldValueForbidden",
          message: "Forbidden: may not be specified for non-apply patch",
        },
      ]);
    }
    const text = (await readBytes(request)).toString("utf8");
    const patch = isApply ? parsedYaml(text) : parsedJson(text);
    const given = { ...options, manager: isApply ? (info.query.get("fieldManager") ?? "") : options.manager };
    return this.#parts.store.patch(place, contentType, patch, isTrue(force), given);
  }

  #list(context: Context, place: Place): Answer {
    const { info } = context;
    const { query } = info;
    const { storage, store } = this.#parts;
    this.#checkVersion(place, query.get("resourceVersion"));
    const collection = store.collection(place);
    const limit = Number(query.get("limit") ?? 0);
    const token = query.get("continue");
    const asked = query.get("resourceVersion");
    let revision = storage.revision;
    let start = "";
    if (token !== null && token !== "") {
      if (asked !== null && asked !== "" && asked !== "0") {
        throw badRequest("specifying resource version is not allowed when using continue");
      }
      const read = readToken(token);
      start = read.start;
      if (read.rv !== -1) revision = read.rv;
    } else if (query.get("resourceVersionMatch") === "Exact" && asked !== null) revision = Number(asked);
    const then = collection.listAt(revision);
    if (then === undefined) {
      if (start === "") throw expired("The resourceVersion for the provided list is too old.");
      throw expired(OLD_CONTINUE, { continue: tokenOf(-1, start) });
    }
    const matches = this.#matcher(info, place);
    const all = then.filter((object) => keyOfObject(object) > start && matches(object));
    const page = limit > 0 ? all.slice(0, limit) : all;
    const last = page.at(-1);
    const metadata: JsonObject = { resourceVersion: String(revision) };
    if (page.length < all.length && last !== undefined) {
      metadata.continue = tokenOf(revision, keyOfObject(last));
      const isSelected = query.get("labelSelector") !== null || query.get("fieldSelector") !== null;
      if (!isSelected) metadata.remainingItemCount = all.length - page.length;
    }
    return this.#listAnswer(context, place, page, metadata);
  }

  #listAnswer({ request, info }: Context, place: Place, page: KubeObject[], metadata: JsonObject): Answer {
    const { type, version } = place;
    const form = chooseForm(request.headers.accept, ["table", "partial-list"]);
    if (form === "table") {
      const body = tableOf(type, page, metadata, info.query.get("includeObject"));
      return { code: 200, body, contentType: TABLE };
    }
    const objects = page.map((object) => version.fromStored?.(object) ?? object);
    if (form === "partial-list") {
      const items = objects.map(partialOf);
      return {
        code: 200,
        body: { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items },
      };
    }
    const items = type.custom ? objects : objects.map(({ kind: _, apiVersion: __, ...rest }) => rest);
    return {
      code: 200,
      body: {
        kind: `${type.kind}List`,
        apiVersion: apiVersionOf({ group: type.group, version: version.version }),
        metadata,
        items,
      },
    };
  }

  #watch({ request, response, info }: Context, place: Place): undefined {
    const { storage, store, faults } = this.#parts;
    const { query } = info;
    const asked = query.get("resourceVersion") ?? "";
    this.#checkVersion(place, asked);
    const collection = store.collection(place);
    const resourceVersion = asked === "" ? undefined : Number(asked);
    const isOld = resourceVersion !== undefined && resourceVersion > 0 && resourceVersion < collection.oldest;
    if (isOld && faults.expiredWatch === "http") {
      throw expired(`too old resource version: ${resourceVersion} (${collection.oldest})`);
    }
    const timeout = Number(query.get("timeoutSeconds") ?? 0);
    const watch = new WatchStream(
      response,
      {
        found: place,
        matches: this.#matcher(info, place),
        resourceVersion,
        bookmarks: isTrue(query.get("allowWatchBookmarks")),
        initialEvents: isTrue(query.get("sendInitialEvents")),
        timeoutSeconds: timeout > 0 ? timeout : undefined,
        form: chooseForm(request.headers.accept, ["table", "partial"]),
        include: query.get("includeObject"),
        bookmarkPeriod: this.bookmarkPeriod,
      },
      storage,
      faults,
    );
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
    watch.start(collection);
    return undefined;
  }

  #matcher({ query }: RequestInfo, place: Place): (object: KubeObject) => boolean {
    const { type, namespace, name } = place;
    const labels = labelSelector(query.get("labelSelector") ?? "");
    const fields = fieldSelector(query.get("fieldSelector") ?? "", [
      ...SELECTABLE,
      ...(type.selectable ?? []),
    ]);
    return (object) =>
      (namespace === "" || object.metadata.namespace === namespace) &&
      (name === "" || object.metadata.name === name) &&
      labels(labelsOf(object)) &&
      fields(object);
  }

  /** @throws StatusError for a resource version that is no number, or that the server has not reached */
  #checkVersion({ type, name }: Place, version: string | null): void {
    if (version === null || version === "") return;
    if (!/^\d+$/.test(version)) {
      const why = `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`;
      throw invalid({ group: type.group, kind: type.resource }, name, [
        invalidValue("resourceVersion", version, why),
      ]);
    }
    const current = this.#parts.storage.revision;
    if (Number(version) > current) throw versionTooLarge(Number(version), current);
  }

  async #onScale(context: Context, place: Place): Promise<Answer> {
    const { info, request } = context;
    const { store } = this.#parts;
    const workload = { ...place, subresource: "" };
    if (info.verb === "get") return { code: 200, body: scaleOf(store.get(workload)) };
    if (info.verb !== "update" && info.verb !== "patch") throw methodNotAllowed();
    const isPatch = info.verb === "patch";
    const body = parsedJson((await readBytes(request)).toString("utf8"));
    const patch = patchOfScale(store.get(workload), body, isPatch);
    const options = this.#writeOptions(context, isPatch ? "PatchOptions" : "UpdateOptions");
    const { object } = store.patch(workload, "application/merge-patch+json", patch, false, options);
    return { code: 200, body: scaleOf(object) };
  }

  async #issueToken({ request }: Context, place: Place): Promise<Answer> {
    const body = await this.#readBody(request);
    const account = this.#parts.store.get({ ...place, subresource: "" });
    const spec = objectIn(body.spec);
    const seconds = typeof spec.expirationSeconds === "number" ? spec.expirationSeconds : 3600;
    if (seconds < 600) {
      throw invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, place.name, [
        invalidValue("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"),
      ]);
    }
    const { token, expires } = await this.#parts.authenticator.issue(
      account,
      seconds,
      textsIn(spec.audiences),
    );
    return {
      code: 201,
      body: {
        kind: "TokenRequest",
        apiVersion: "authentication.k8s.io/v1",
        metadata: { name: place.name, namespace: place.namespace },
        spec: { ...spec, expirationSeconds: seconds },
        status: { token, expirationTimestamp: expires },
      },
    };
  }

  #writeOptions({ info: { query }, request, user, warnings }: Context, kind: string): WriteOptions {
    const validation = query.get("fieldValidation") ?? "Warn";
    const directives = ["Ignore", "Warn", "Strict"] as const;
    const directive = directives.find((each) => each === validation);
    if (directive === undefined) {
      throw invalid({ group: "meta.k8s.io", kind }, "", [
        unsupported("fieldValidation", validation, ["", ...directives]),
      ]);
    }
    const agent = (request.headers["user-agent"] ?? "unknown").split("/")[0] ?? "";
    const manager = query.get("fieldManager") ?? agent.slice(0, 128);
    if (manager.length > 128) {
      throw invalid({ group: "meta.k8s.io", kind }, "", [
        invalidValue("fieldManager", manager, "Too long: may not be more than 128 bytes"),
      ]);
    }
    return { user, dryRun: isDry(query.getAll("dryRun"), kind), manager, validation: directive, warnings };
  }

  #deleteOptions(body: JsonObject, query: URLSearchParams): DeleteOptions {
    const { uid, resourceVersion } = objectIn(body.preconditions);
    const grace = body.gracePeriodSeconds ?? query.get("gracePeriodSeconds");
    const policy = textIn(body.propagationPolicy) || (query.get("propagationPolicy") ?? "");
    const policies = ["Background", "Foreground", "Orphan"] as const;
    const propagation = policy === "" ? "Background" : policies.find((each) => each === policy);
    if (propagation === undefined) {
      throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", [
        unsupported("propagationPolicy", policy, ["Background", "Foreground", "Orphan"]),
      ]);
    }
    return {
      dryRun: isDry([...textsIn(body.dryRun), ...query.getAll("dryRun")], "DeleteOptions"),
      uid: typeof uid === "string" ? uid : undefined,
      resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined,
      gracePeriod: grace === null || grace === undefined ? undefined : Number(grace),
      propagation,
    };
  }

  #shown({ request, info }: Context, place: Place, object: KubeObject, code: number): Answer {
    const form = chooseForm(request.headers.accept, ["table", "partial"]);
    if (form === "partial") return { code, body: partialOf(object) };
    if (form !== "table") return { code, body: object };
    const stored = place.version.toStored?.(object) ?? object;
    const { resourceVersion } = object.metadata;
    const include = info.query.get("includeObject");
    return {
      code,
      body: tableOf(place.type, [stored as KubeObject], { resourceVersion }, include),
      contentType: TABLE,
    };
  }

  #revision(): string {
    return String(this.#parts.storage.revision);
  }

  async #readBody(request: IncomingMessage): Promise<JsonObject> {
    const type = mediaTypeOf(request.headers["content-type"]);
    const body = await readBytes(request);
    if (type === PROTOBUF) {
      const read = readProtobuf(body);
      if (read !== undefined) return read;
    }
    // The real server takes a body without a content type for JSON.
    const isYaml = type === "application/yaml";
    if (!isYaml && type !== "application/json" && type !== "") throw unsupportedMediaType(BODY_TYPES);
    const value = isYaml ? parsedYaml(body.toString("utf8")) : parsedJson(body.toString("utf8"));
    if (!isObject(value)) {
      throw badRequest("couldn't get version/kind; json parse error: json: cannot unmarshal into an object");
    }
    return value;
  }

  async #readOptionalBody(request: IncomingMessage): Promise<JsonObject> {
    const length = request.headers["content-length"];
    const hasBody =
      (length !== undefined && length !== "0") || request.headers["transfer-encoding"] !== undefined;
    return hasBody ? await this.#readBody(request) : {};
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    { code, body, contentType }: Answer,
    warnings: readonly string[],
  ): void {
    const form: Form = contentType === undefined ? safeForm(request.headers.accept) : "json";
    const text = form === "yaml" ? stringify(body) : `${JSON.stringify(body)}\n`;
    response.writeHead(code, {
      "content-type": contentType ?? (form === "yaml" ? "application/yaml" : "application/json"),
      "content-length": Buffer.byteLength(text),
      "cache-control": "no-cache, private",
      ...warningHeader(warnings),
    });
    response.end(text);
  }

  #sendError(response: ServerResponse, error: StatusError, warnings: readonly string[]): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const text = `${JSON.stringify(error.status)}\n`;
    response.writeHead(error.code, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      "cache-control": "no-cache, private",
      ...(error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) }),
      ...warningHeader(warnings),
    });
    response.end(text);
  }
}

/**
 * The user that a request names in its headers, when the asking user may act as that user.
 * @throws StatusError 403
 */
function impersonated(asking: User, { headers }: IncomingMessage, authorizer: Authorizer): User {
  const name = headers["impersonate-user"];
  if (typeof name !== "string") return asking;
  const [, , namespace, account] = /^(system:serviceaccount):([^:]+):([^:]+)$/.exec(name) ?? [];
  const resource = account === undefined ? "users" : "serviceaccounts";
  const asked = { group: "", resource, namespace: namespace ?? "", name: account ?? name };
  if (!authorizer.allows(asking, { verb: "impersonate", ...asked })) {
    const why = `User "${asking.name}" cannot impersonate resource "${resource}" in API group "" at the cluster scope`;
    throw forbidden({ group: "", resource }, asked.name, why);
  }
  const given = headers["impersonate-group"];
  const groups = typeof given === "string" ? [given] : (given ?? []);
  const own =
    namespace === undefined ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  return { name, uid: "", groups: [...own, ...groups, "system:authenticated"] };
}

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

const keyOfObject = ({ metadata }: KubeObject) => keyOf(metadata.namespace ?? "", metadata.name);

const warningHeader = (warnings: readonly string[]): Record<string, string[]> =>
  warnings.length === 0 ? {} : { warning: warnings.map((each) => `299 - ${JSON.stringify(each)}`) };

/** The form of an answer that has one already: what is accepted was checked before. */
function safeForm(accept: string | undefined): Form {
  try {
    return chooseForm(accept);
  } catch {
    return "json";
  }
}

function deletedStatus({ type, name }: Place, { metadata }: KubeObject): JsonObject {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name,
      ...(type.group === "" ? {} : { group: type.group }),
      kind: type.resource,
      uid: metadata.uid,
    },
  };
}

const tokenOf = (rv: number, start: string) =>
  Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv, start })).toString("base64url");

function readToken(token: string): { rv: number; start: string } {
  try {
    const { rv, start } = objectIn(JSON.parse(Buffer.from(token, "base64url").toString()));
    if (typeof rv === "number" && typeof start === "string") return { rv, start };
  } catch {
    // Answered below: what is no token is no JSON either.
  }
  throw badRequest("continue key is not valid: illegal base64 data at input byte 0");
}

function isDry(values: readonly string[], kind: string): boolean {
  const wrong = values.find((value) => value !== "All");
  if (wrong !== undefined) {
    throw invalid({ group: "meta.k8s.io", kind }, "", [unsupported("dryRun", wrong, ["All"])]);
  }
  return values.length > 0;
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw tooLarge(MAX_BODY);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parsedJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

function parsedYaml(text: string): Json {
  try {
    return parseYaml(text);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : ""}`);
  }
}
