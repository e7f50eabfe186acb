/**
 * Every error that Fairlead reports, in one table. The code is the same in API, CLI, uplink, session and
 * logs. The texts are for people, and no program parses them. `npm run docs` makes docs/errors.md from this
 * table.
 */
import * as z from "zod";
import { visible } from "./text.ts";

/** Where the cause is: at the caller, the site, the other site, or the edge's operator. */
export type Fault = "caller" | "site" | "peer" | "edge";

/** One error of the table. */
export interface ErrorEntry {
  readonly fault: Fault;
  /** Whether the same request can succeed later by itself. */
  readonly retry: boolean;
  /** HTTP status of a response with the error; an uplink or lane is closed with 4000 + status. */
  readonly status: number;
  /** What the code means, in one sentence. */
  readonly meaning: string;
  /** What to do, in one or two sentences. */
  readonly action: string;
}

const entry = (
  fault: Fault,
  status: number,
  meaning: string,
  action: string,
  options: { retry?: boolean } = {},
): ErrorEntry => ({ fault, status, meaning, action, retry: options.retry ?? false });

const RETRY = { retry: true };

/** The table, by code. */
export const ERRORS = {
  // ---- requests to the API ----
  "request.invalid": entry(
    "caller",
    400,
    "A request, option or field has the wrong form.",
    "Correct what the message names; `fairlead help COMMAND` shows the form of a command, and /v1/openapi.json that of a request.",
  ),
  "request.unconfirmed": entry(
    "caller",
    400,
    "The command would end what others use, and the user did not confirm it.",
    "Read what would end, then run the command again with --yes.",
  ),
  "file.unreadable": entry(
    "caller",
    400,
    "A file that the command or its configuration names cannot be read.",
    "Give the path of a file that exists and that the user of the command may read.",
  ),
  "file.unwritable": entry(
    "caller",
    400,
    "A file that the command was to write cannot be written.",
    "Give the path of a file in a directory to which the user of the command may write.",
  ),
  "request.too_large": entry(
    "caller",
    413,
    "A request body is larger than the edge reads.",
    "Send less than 64 KiB; a backup may have 64 MiB.",
  ),
  "request.limited": entry(
    "caller",
    429,
    "Too many requests came from one address.",
    "Wait a minute, then try again; the Retry-After header of the response says how long.",
    RETRY,
  ),
  "route.unknown": entry(
    "caller",
    404,
    "Nothing is served at this path on this hostname.",
    "Check the URL: the API is served on the API address only, uplinks and lanes on the gateway only. An older edge lacks newer paths; `fairlead version` compares the versions.",
  ),
  "key.missing": entry(
    "caller",
    401,
    "The request carries no API key.",
    "Run `fairlead login URL --key-file FILE`, or send the header `Authorization: Bearer KEY`.",
  ),
  "key.invalid": entry(
    "caller",
    401,
    "The API key is unknown, revoked or mistyped.",
    "Check that the key is of this edge. An admin creates another one with `fairlead key create`, and `fairlead login URL --key-file FILE` stores it.",
  ),
  "key.forbidden": entry(
    "caller",
    403,
    "The API key's role or networks do not allow this.",
    "Use a key with the role that the message names; an admin creates one with `fairlead key create --role ROLE`.",
  ),
  "console.off": entry(
    "caller",
    404,
    "The edge serves no console, or people sign in at it in another way.",
    "The operator chooses with `--console` of `fairlead edge start` or `fairlead edge deploy` how people sign in.",
  ),
  "console.sign_in_failed": entry(
    "caller",
    401,
    "User and password do not fit, or the link was used or is older than a minute.",
    "Try again; `fairlead console` makes another link, and `fairlead console user set NAME` another password.",
  ),
  "console.session_ended": entry(
    "caller",
    401,
    "The session of the console has ended, or what proved it is no longer valid.",
    "Sign in again, or run `fairlead console`.",
  ),
  "console.cross_site": entry(
    "caller",
    403,
    "A page of another site may have sent the request.",
    "Use the console's own page. A program authenticates with an API key instead of the console's cookie.",
  ),
  "console.wrong_host": entry(
    "caller",
    403,
    "The console's listener on this machine was reached by a name other than localhost, 127.0.0.1 or [::1].",
    "Open the URL that `fairlead edge start` prints. For other machines, use the console at the API's address.",
  ),
  "console.user_unknown": entry(
    "caller",
    404,
    "The console has no user of this name.",
    "`fairlead console user list` lists the users.",
  ),
  "key.unknown": entry(
    "caller",
    404,
    "There is no API key with that id.",
    "`fairlead key list` shows the keys.",
  ),
  "oidc.invalid": entry(
    "caller",
    401,
    "This edge does not trust the identity token.",
    "Get a new token from the issuer that the edge's operator configured; its audience must be the edge's.",
  ),
  "oidc.expired": entry(
    "caller",
    401,
    "The identity token has expired.",
    "Log in again at your identity provider and use the new token. If it is new, compare the clocks of the edge and of the identity provider.",
  ),
  "oidc.no_role": entry(
    "caller",
    403,
    "The identity token is valid, but none of its claims has a role at this edge.",
    "Have the edge's operator map one of your claims to a role, or join a group that is mapped.",
  ),
  "oidc.unreachable": entry(
    "edge",
    503,
    "The identity provider's keys cannot be fetched.",
    "Try again; if the error persists, the edge's operator must check the issuer's address. API keys still work.",
    RETRY,
  ),
  "network.unknown": entry(
    "caller",
    404,
    "There is no network with that name or id.",
    "`fairlead network list` shows the networks; `fairlead network create` creates one.",
  ),
  "network.taken": entry(
    "caller",
    409,
    "A network with that name already exists.",
    "Choose another name, or use the existing network.",
  ),
  "quota.sites": entry(
    "edge",
    403,
    "The network has reached its quota of sites.",
    "Delete sites that are gone, or have an admin raise the quota: `fairlead network quota NETWORK --sites N`.",
  ),
  "quota.services": entry(
    "edge",
    403,
    "The network has reached its quota of services.",
    "Withdraw services, or have an admin raise the quota: `fairlead network quota NETWORK --services N`.",
  ),
  "quota.tokens": entry(
    "edge",
    403,
    "The network has reached its quota of usable tokens.",
    "Revoke unused tokens, or have an admin raise the quota: `fairlead network quota NETWORK --tokens N`.",
  ),
  "quota.sessions": entry(
    "edge",
    403,
    "The network has reached its quota of sessions.",
    "Wait until sessions have ended, or have an admin raise the quota: `fairlead network quota NETWORK --sessions N`.",
    RETRY,
  ),
  "quota.exports": entry(
    "site",
    403,
    "The services of the site are exported to more named sites than the edge keeps.",
    "Export services to fewer sites, or to all; a site's services may name 10,000 sites together.",
  ),
  "site.unknown": entry(
    "caller",
    404,
    "There is no site with that name or id in the network.",
    "`fairlead site list` shows the sites.",
  ),
  "site.name_taken": entry(
    "caller",
    409,
    "Another site of the network has this name.",
    "Choose another name, or delete the site that has it first with `fairlead site delete`.",
  ),
  "site.clock": entry(
    "site",
    409,
    "The site's clock and the edge's are ten seconds or more apart.",
    "Compare both clocks with the real time and correct the wrong one, preferably with a time service; the edge refuses a site whose clock is minutes off.",
  ),
  "site.stopped": entry(
    "site",
    503,
    "The last connector of the site was stopped.",
    "Start the connector again if the site is needed.",
    RETRY,
  ),
  "site.silent": entry(
    "site",
    504,
    "The edge has not heard the site for longer than the interval of its keep-alive.",
    "No action is needed if the edge hears it again within a minute; otherwise check that the connector and its machine run, and their network: `fairlead doctor` does there.",
    RETRY,
  ),
  "site.not_joined": entry(
    "site",
    404,
    "The site was created by name, and no connector has joined as this site yet.",
    "Start a connector with the site's token: `fairlead connector run --site NAME --token FILE`. `fairlead site create NAME -o FILE` writes a new token.",
  ),
  "site.unlinked": entry(
    "site",
    403,
    "No link leads from the site to another site.",
    "Create a token with `fairlead token create -o token.yaml`, then run `fairlead link create token.yaml` at the site.",
  ),
  "site.outdated": entry(
    "site",
    426,
    "The connector of the site is older than connectors of other sites.",
    "Update the older connector when it suits you: versions that differ work together.",
  ),
  "site.revoked": entry(
    "site",
    403,
    "The site was revoked.",
    "To readmit the site, join again with a new token and an empty state directory; `fairlead site delete` frees its name.",
  ),

  // ---- tokens and joining ----
  "link.unknown": entry(
    "caller",
    404,
    "There is no such link.",
    "`fairlead link list` shows the links of the network, `fairlead link status` the links of a site.",
  ),
  "link.exists": entry(
    "caller",
    409,
    "The site has a link to this issuer already; the token was not used up.",
    "No action is needed; for another name or cost, delete the link first with `fairlead link delete`.",
  ),
  "link.self": entry(
    "caller",
    409,
    "A site cannot link to itself; the token was not used up.",
    "Use the token at another site.",
  ),
  "link.name_taken": entry(
    "caller",
    409,
    "The site has another link of this name; the token was not used up.",
    "Choose another --name, or leave it out.",
  ),
  "link.limit": entry(
    "caller",
    409,
    "The site has the most links that it may join by; the token was not used up.",
    "Delete a link that is not needed with `fairlead link delete`.",
  ),
  "link.revoked": entry(
    "site",
    403,
    "The link was revoked by its issuer.",
    "Get a new token from the issuer and use it: `fairlead link create FILE`. The revoked link need not be deleted.",
  ),
  "token.malformed": entry(
    "caller",
    400,
    "The token file is truncated or is not a Fairlead token.",
    "Copy the whole file that `fairlead token create -o FILE` wrote.",
  ),
  "token.altered": entry(
    "caller",
    403,
    "The token's claim is not the one that was issued.",
    "Copy the file again, or create a new token with `fairlead token create`.",
  ),
  "token.unknown": entry(
    "caller",
    404,
    "The edge never issued this token, deleted it 30 days after its expiry, or its network was deleted.",
    "Check that the token belongs to this edge; create a new one with `fairlead token create`.",
  ),
  "token.expired": entry(
    "caller",
    410,
    "The token has expired.",
    "Create a new token with `fairlead token create`; --expiry sets how long it lives.",
  ),
  "token.used_up": entry(
    "caller",
    410,
    "The token has no uses left.",
    "Create a new token with `fairlead token create`; --uses sets how many uses it has.",
  ),
  "token.revoked": entry(
    "caller",
    410,
    "The token was revoked.",
    "Ask the operator of the network, or create a new token with `fairlead token create`.",
  ),
  "token.wrong_site": entry(
    "caller",
    403,
    "The token admits another site.",
    "Use the token at the site that it names, or create a token for this site with `fairlead token create`.",
  ),
  "token.wrong_network": entry(
    "caller",
    409,
    "The token belongs to another network than the site.",
    "Use a token of the site's own network; to be in both networks, run a second connector with a state directory of its own.",
  ),
  "token.wrong_edge": entry(
    "caller",
    409,
    "The token belongs to another edge than the site.",
    "Use a token from the site's own edge; to join another edge, start with an empty state directory.",
  ),
  "token.missing": entry(
    "caller",
    400,
    "The site has not joined a network and no token was given.",
    "Start the connector with `fairlead connector run --token FILE`; `fairlead token create -o FILE` writes the file, where an operator is logged in.",
  ),
  "csr.invalid": entry(
    "site",
    400,
    "The certificate request is not a valid, self-signed PKCS #10 request.",
    "Create the request again; a connector does this by itself.",
  ),
  "csr.key_type": entry(
    "site",
    400,
    "The certificate request's key is not ECDSA on P-256.",
    "Create a P-256 key and a new request.",
  ),

  // ---- proving a site ----
  "certificate.required": entry(
    "site",
    401,
    "The connection proved no site certificate in its TLS handshake.",
    "Connect to the gateway with the site certificate, and not through a proxy that terminates TLS.",
  ),
  "certificate.untrusted": entry(
    "site",
    403,
    "The certificate does not chain to this edge's deployment CA, or is not a site certificate.",
    "Join this edge with a token from it and an empty state directory; the state directory of a site belongs to one edge.",
  ),
  "certificate.expired": entry(
    "site",
    403,
    "The certificate is outside its validity period.",
    "Compare the clocks of the site and of the edge with the real time, and correct the wrong one. If both are right, the connector renews by itself for 30 days; then the site must join again with a token.",
  ),
  "certificate.ends_soon": entry(
    "site",
    503,
    "The certificate of the site ends soon and was not renewed, although it is past half of its life.",
    "Look at `fairlead status` and the log of the connector at the site, which say why the renewal fails.",
    RETRY,
  ),
  "certificate.revoked": entry(
    "site",
    403,
    "The certificate was revoked or is not the site's current key.",
    "Join again with a new token and an empty state directory.",
  ),
  "certificate.wrong_network": entry(
    "site",
    403,
    "The certificate belongs to another network.",
    "Use the state directory of the site's own network.",
  ),
  "certificate.mismatch": entry(
    "site",
    403,
    "The TLS certificate and the assertion's certificate differ.",
    "Connect the connector directly; nothing may replace its TLS connection.",
  ),
  "certificate.too_old": entry(
    "site",
    403,
    "The certificate expired more than 30 days ago and can no longer be renewed.",
    "If the clocks of the site and of the edge are right, join again with a new token: `fairlead token create -o FILE`, then `fairlead connector run --token FILE`.",
  ),
  "certificate.domain": entry(
    "site",
    400,
    "The network CA signs no certificate for names in this domain.",
    "Choose a --dns-domain that begins with the network's name and ends with .internal, or give the listener a certificate from a file: --listen-tls NAME=CERT.pem,KEY.pem.",
  ),
  "assertion.missing": entry(
    "site",
    401,
    "The upgrade request carries no signed assertion.",
    "Update the connector; every connector since 0.1 sends one.",
  ),
  "assertion.invalid": entry(
    "site",
    403,
    "The assertion is malformed or is signed by another key than its certificate's.",
    "Restart the connector; if the error persists, its key and certificate files do not match: join again.",
  ),
  "assertion.expired": entry(
    "site",
    403,
    "The assertion is outside its validity period of one minute.",
    "Compare the clocks of the site and of the edge with the real time, and correct the wrong one: they differ by more than a minute.",
    RETRY,
  ),
  "assertion.audience": entry(
    "site",
    403,
    "The assertion was made for another edge or another purpose.",
    "Check that the state directory belongs to this edge.",
  ),
  "assertion.replayed": entry(
    "site",
    403,
    "The assertion was used before.",
    "No action is needed if you restarted the connector; otherwise a handshake was recorded: see the event log.",
  ),
  "renewal.refused": entry(
    "site",
    403,
    "The proof for a renewal does not match the site's registered key.",
    "Join again with a new token and an empty state directory.",
  ),

  // ---- live channels ----
  "live.upgrade": entry(
    "caller",
    426,
    "The live channel is a WebSocket, and the request does not ask for one.",
    "Connect with a WebSocket client, or read the status and the events with separate requests.",
  ),
  "live.too_many": entry(
    "caller",
    429,
    "The live channel of the network has as many viewers as it takes.",
    "Close pages of the console that nobody looks at.",
    RETRY,
  ),
  "live.behind": entry(
    "caller",
    408,
    "The viewer of a live channel does not read what it is sent.",
    "Connect again; if it happens often, the network of the viewer is too slow.",
    RETRY,
  ),

  // ---- the uplink ----
  "uplink.malformed": entry(
    "site",
    400,
    "A message on the uplink does not match the protocol.",
    "Update the connector or the edge; if both are current, report the error with its message.",
  ),
  "uplink.too_large": entry(
    "site",
    413,
    "A message on the uplink is longer than 256 KiB.",
    "Offer fewer services from this site.",
  ),
  "uplink.out_of_order": entry(
    "site",
    400,
    "A message on the uplink came before hello, or hello came twice.",
    "Update the connector; if it is current, report the error.",
  ),
  "uplink.version": entry(
    "site",
    426,
    "Connector and edge share no version of the uplink protocol.",
    "Update the older of the two; the message names both ranges.",
  ),
  "uplink.replaced": entry(
    "site",
    409,
    "The same connector process opened a newer uplink.",
    "No action is needed: the newer uplink serves.",
    RETRY,
  ),
  "uplink.silent": entry(
    "site",
    408,
    "No hello arrived on an uplink within 20 seconds.",
    "No action is needed: the connector dials again. If the error persists, check the path to the edge and update the connector.",
    RETRY,
  ),
  "uplink.limited": entry(
    "site",
    429,
    "The site sends the edge more than its budget allows.",
    "No action is needed: the connector waits and asks again. If the error persists, find the process of the site that sends.",
    RETRY,
  ),
  "uplink.too_many": entry(
    "site",
    429,
    "The site has reached its limit of uplinks.",
    "Stop replicas of the site, or have an admin raise the quota: `fairlead network quota NETWORK --uplinks N`.",
    RETRY,
  ),
  "uplink.lost": entry(
    "site",
    503,
    "The uplink to the edge is down.",
    "No action is needed if it recovers within a minute; otherwise check that the edge runs, and the network and proxy of the site: `fairlead doctor` does there.",
    RETRY,
  ),

  "telemetry.malformed": entry(
    "site",
    400,
    "A message on a telemetry connection does not match the protocol.",
    "Update the connector or the edge; if both are current, report the error with its message.",
  ),
  "telemetry.limited": entry(
    "site",
    429,
    "The site reports more traffic data than its budget allows.",
    "No action is needed: the connector waits and reports again, and totals stay right. If the error persists, find the process of the site that sends.",
    RETRY,
  ),
  "telemetry.too_many": entry(
    "site",
    429,
    "The site has reached its limit of telemetry connections.",
    "Stop replicas of the site; the others report.",
    RETRY,
  ),

  // ---- lanes ----
  "ticket.missing": entry(
    "site",
    401,
    "The lane carries no ticket.",
    "Update the connector; if it is current, report the error.",
  ),
  "ticket.invalid": entry(
    "site",
    403,
    "The ticket is malformed or was not issued by this edge.",
    "No action is needed: the connector asks for a new session.",
  ),
  "ticket.expired": entry(
    "site",
    403,
    "The ticket has expired: its life is 30 seconds, longer over a slow path.",
    "No action is needed: the connector asks for a new session. If the error persists, correct the clock of the edge.",
    RETRY,
  ),
  "ticket.wrong_site": entry(
    "site",
    403,
    "The ticket was issued to another site than the certificate names.",
    "No action is needed: the edge recorded it in the event log.",
  ),
  "ticket.stale": entry(
    "site",
    409,
    "A newer generation of the session exists.",
    "No action is needed: the connector uses the newer generation.",
  ),
  "ticket.replayed": entry(
    "site",
    409,
    "This side of the lane was already dialled.",
    "No action is needed if a connector retried; otherwise see the event log.",
  ),
  "lane.taken": entry(
    "site",
    409,
    "Both sides of the lane are joined; a third dial is refused.",
    "No action is needed if a connector retried; otherwise see the event log.",
  ),
  "lane.unmet": entry(
    "peer",
    504,
    "The other side did not dial the lane in time.",
    "Check the other site with `fairlead site status NAME`; the connector tries again.",
    RETRY,
  ),
  "lane.failed": entry(
    "site",
    502,
    "The lane could not be opened.",
    "Check the path from the site to the gateway of the edge, and the proxy of the site; the connector tries again.",
    RETRY,
  ),

  // ---- sessions ----
  "session.forbidden": entry(
    "caller",
    403,
    "The registry does not allow a session between these two sites, or one of them does not allow its mode.",
    "Check that links connect the two sites: `fairlead link list`. For hop encryption, see --hop and --allow-hop in `fairlead help connector run`.",
  ),
  "session.peer_offline": entry(
    "peer",
    503,
    "The other connector has no uplink at the moment.",
    "Check that the connector of the other site runs and reaches the edge: `fairlead site status NAME` shows it.",
    RETRY,
  ),
  "session.peer_gone": entry(
    "peer",
    410,
    "The other connector's process ended: its uplink closed, and it did not come back.",
    "Start the other site's connector again; new connections use other instances.",
    RETRY,
  ),
  "session.timeout": entry(
    "peer",
    504,
    "The session did not come up in time, had no path to the peer for too long, or the peer did not respond in time.",
    "Check both sites with `fairlead site status NAME`; `fairlead connector run --session-timeout DURATION` sets how long to wait.",
    RETRY,
  ),
  "session.lost": entry(
    "edge",
    502,
    "The lane under the session ended before the session was up, or a connector or the edge is too old to replace it.",
    "Connect again; the connector opens a new session. Update the connector or edge that is too old.",
    RETRY,
  ),
  "session.replaced": entry(
    "peer",
    409,
    "A newer session between the two connectors replaced it.",
    "Connect again.",
    RETRY,
  ),
  "session.unknown": entry(
    "peer",
    404,
    "The peer does not know the session.",
    "Connect again; the connector opens a new session.",
    RETRY,
  ),
  "session.closed": entry(
    "peer",
    410,
    "The session was closed on purpose.",
    "Connect again; the connector opens a new session.",
    RETRY,
  ),
  "session.tampered": entry(
    "edge",
    502,
    "Bytes were altered between the two connectors, and TLS refused them.",
    "Find out what relays between the sites and alters their bytes: see docs/security.md.",
  ),
  "session.untrusted": entry(
    "peer",
    403,
    "The peer's certificate does not chain to the network's CA.",
    "Find out which machine took the peer's place: see docs/security.md.",
  ),
  "session.wrong_peer": entry(
    "peer",
    403,
    "The peer's certificate names another site or network than the registry.",
    "Find out which machine took the peer's place: see docs/security.md.",
  ),
  "session.version": entry(
    "peer",
    426,
    "The two connectors share no version of the session protocol.",
    "Update the older of the two; the message names both ranges.",
  ),
  "session.malformed": entry(
    "peer",
    400,
    "A frame of the session is malformed.",
    "Update the peer's connector; if both are current, report the error.",
  ),
  "session.too_large": entry(
    "peer",
    413,
    "A frame of the session is larger than the limit.",
    "Update the peer's connector; if both are current, report the error.",
  ),
  "session.out_of_order": entry(
    "peer",
    400,
    "A frame arrived for a stream in a state that does not allow it.",
    "Update the peer's connector; if both are current, report the error.",
  ),
  "session.credit": entry(
    "peer",
    400,
    "The peer sent more than its credit.",
    "Update the peer's connector; if both are current, report the error.",
  ),
  "session.revoked": entry(
    "caller",
    403,
    "The sites may no longer connect: a site, link or issuer was revoked.",
    "Link the sites again with a new token: `fairlead token create -o FILE`, then `fairlead link create FILE` at the other site.",
  ),

  // ---- streams and services ----
  "session.overloaded": entry(
    "peer",
    503,
    "Bytes from the other site fill the memory that one site may use here.",
    "No action is needed: the next connection opens a new session. If it happens often, look for servers or clients that do not read, or raise --memory.",
    RETRY,
  ),
  "session.limit": entry(
    "peer",
    429,
    "The other site has the most sessions with this connector that it may have.",
    "Run fewer connectors at that site, or close sessions that are not needed.",
    RETRY,
  ),
  "stream.overloaded": entry(
    "peer",
    503,
    "The stream was reset: its site fills the memory that one site may use, and its reader does not read.",
    "Check the server or client that does not read, or raise --memory of `fairlead connector run`.",
    RETRY,
  ),
  "stream.limit": entry(
    "peer",
    429,
    "The session has the most streams that the peer allows.",
    "Close connections that are not used, or connect again later.",
    RETRY,
  ),
  "stream.kind_unsupported": entry(
    "peer",
    501,
    "The other connector does not serve streams of this kind.",
    "Update the older of the two connectors; `fairlead site status NAME` shows the software of each instance.",
  ),
  "stream.cancelled": entry(
    "caller",
    499,
    "The client or the server closed the connection early.",
    "No action is needed.",
  ),
  "stream.internal": entry(
    "peer",
    500,
    "The stream failed inside the connector.",
    "Report the error with the log of the connector.",
  ),
  "service.unknown": entry(
    "caller",
    404,
    "No site that you may reach offers a service with that name.",
    "`fairlead service list` shows the services.",
  ),
  "service.unknown_port": entry(
    "peer",
    404,
    "The instance does not serve this port of the service.",
    "No action is needed if it lasts seconds: the ports of the service have changed. Otherwise compare the ports in `fairlead service list` with those in `fairlead service status` at the offering site.",
    RETRY,
  ),
  "service.refused": entry(
    "peer",
    502,
    "The service's target refused the connection.",
    "Start the server at the target's address, or correct the address given to --expose.",
  ),
  "service.timeout": entry(
    "peer",
    504,
    "The service's target did not accept the connection in time.",
    "Check the target's address given to --expose and the network behind it.",
  ),
  "service.tls_failed": entry(
    "peer",
    502,
    "The TLS handshake with the service's target failed, or the certificates for it cannot be read.",
    "Compare the target's certificate with --target-tls at the site that offers the service: its CA, its name, and whether the target asks for a certificate.",
  ),
  "service.unreachable": entry(
    "peer",
    502,
    "The service's target cannot be reached or its name does not resolve.",
    "Check the target's host given to --expose.",
  ),
  "service.check_failed": entry(
    "site",
    502,
    "The service's target did not pass its health check.",
    "Check the server at the target: `fairlead service status` shows what it answered. If the check does not fit the server, correct the check in the configuration of the connector.",
  ),
  "service.unhealthy": entry(
    "peer",
    503,
    "No target of the service is up at any site that offers it.",
    "Start a server of the service; `fairlead service status` at a site that offers it shows which target is down, and why.",
    RETRY,
  ),
  "service.failing": entry(
    "peer",
    502,
    "At least half of the newest connections or requests of the service failed.",
    "Look at the connections and requests that failed, with `fairlead flows`: each says why it ended.",
    RETRY,
  ),
  "service.unavailable": entry(
    "peer",
    503,
    "No site that offers the service is connected.",
    "Start the connector of a site that offers the service; `fairlead site list` shows which sites are connected.",
    RETRY,
  ),
  "service.not_exported": entry(
    "peer",
    403,
    "The service is not exported to this site.",
    "Export the service to this site at the site that offers it: `fairlead expose NAME=… --to SITE`.",
  ),
  "service.forbidden": entry(
    "site",
    403,
    "The site may not offer a service of this name.",
    "Have an operator allow the name: `fairlead site update SITE` with a --may-offer for each name that the site may offer.",
  ),
  "service.port_conflict": entry(
    "site",
    409,
    "The service has other ports in this network than those that this site asks for.",
    "Name a port that the service has, or another service: `fairlead expose NAME:PORT=TARGET`. `fairlead service list` shows the ports.",
  ),
  "service.draining": entry(
    "peer",
    503,
    "The connector that offers the service is stopping and accepts no more streams.",
    "No action is needed if another instance offers the service; otherwise start the connector again.",
    RETRY,
  ),
  "service.overloaded": entry(
    "peer",
    503,
    "The connector that offers the service cannot accept another connection at the moment.",
    "No action is needed if another instance offers the service; otherwise `fairlead status` at its site shows what is exhausted.",
    RETRY,
  ),
  "service.hop_not_allowed": entry(
    "site",
    403,
    "The service uses hop encryption, which one of the two sites does not allow for it.",
    "Start the offering connector with `--hop NAME` and the using connector with `--allow-hop NAME`, or offer the service without; see docs/security.md.",
  ),
  "service.loop": entry(
    "site",
    508,
    "A connection loops: the target of a service is a listener for it.",
    "Set the target of the service to its server, not to a listener of a connector: see TARGET in `fairlead service status`, and move the listener with --bind or --listen.",
  ),
  "hostname.taken": entry(
    "caller",
    409,
    "Another network has been granted the hostname.",
    "Grant another hostname, or remove it from the other network first with `fairlead hostname remove`.",
  ),
  "hostname.unknown": entry(
    "caller",
    404,
    "The network has no such hostname.",
    "`fairlead hostname list` shows the hostnames of a network; `fairlead hostname add` grants one.",
  ),
  "ingress.not_granted": entry(
    "site",
    403,
    "The network may not publish services by this hostname.",
    "An admin grants it with `fairlead hostname add HOSTNAME`.",
  ),
  "ingress.taken": entry(
    "site",
    409,
    "Another service of the network is published by this hostname already, or the same service with another access.",
    "Publish the service by another hostname, or give every `--ingress` of this hostname the same service and access.",
  ),
  "door.unknown_host": entry(
    "caller",
    421,
    "Nothing is published by this hostname.",
    "Check the hostname. An admin grants it with `fairlead hostname add`, and a connector publishes a service with --ingress NAME=HOSTNAME.",
  ),
  "door.unavailable": entry(
    "peer",
    503,
    "No connector publishes the service at the moment.",
    "Try again. If it persists, look at `fairlead hostname list` and at the connectors of the site.",
    RETRY,
  ),
  "door.overloaded": entry(
    "edge",
    503,
    "The door of the hostname has as many requests in progress as it takes.",
    "Try again after the time in Retry-After.",
    RETRY,
  ),
  "door.limited": entry(
    "caller",
    429,
    "One client has too many requests in progress, or sends them too fast.",
    "Send fewer requests at a time, and try again after the time in Retry-After.",
    RETRY,
  ),
  "door.too_large": entry(
    "caller",
    431,
    "The head of a request is larger than the door takes.",
    "Send a shorter head: at most 32 KiB in 100 fields, and a path and query of 16 KiB.",
  ),
  "door.no_websocket": entry(
    "peer",
    501,
    "The connector that publishes the service does not serve WebSockets of clients of the door.",
    "Use HTTP without an upgrade, or reach the service over a connector of your own.",
  ),
  "door.stalled": entry(
    "caller",
    408,
    "The body of the request did not continue.",
    "Send the body without a pause of a minute.",
    RETRY,
  ),
  "door.unauthorized": entry(
    "caller",
    401,
    "The request has no valid key or identity for this hostname.",
    "Send the header `Authorization: Bearer KEY` with a key of `fairlead key create --door HOSTNAME`, or with a token of the identity provider where the hostname asks for one.",
  ),
  "door.unknown_page": entry(
    "caller",
    404,
    "The door has no such page.",
    "Use another path. Below `/.fairlead/`, paths of a hostname with sign-in belong to the door, not to the service.",
  ),
  "door.sign_in_failed": entry(
    "caller",
    403,
    "The sign-in was not completed.",
    "Open the hostname in the browser again and sign in. If it persists, the edge's operator finds the reason in the edge's log.",
  ),
  "door.failed": entry(
    "peer",
    502,
    "The connector or its target did not answer the request as HTTP requires.",
    "Look at the log of the connector that publishes the service.",
  ),
  "door.timeout": entry(
    "peer",
    504,
    "The target did not begin its response in time.",
    "Look at the service behind the hostname; the door waits 60 seconds for the head of a response.",
  ),
  "service.ingress_not_allowed": entry(
    "peer",
    403,
    "The connector's own configuration does not publish the service by this hostname, or not with this access.",
    "Start that connector with --ingress NAME=HOSTNAME.",
  ),
  "service.taken": entry(
    "caller",
    409,
    "This site already offers a service with that name, and its connector is too old to move it.",
    "Update the connector, or withdraw the service first with `fairlead unexpose NAME`.",
  ),

  // ---- requests as exchanges ----
  "exchange.refused": entry(
    "peer",
    503,
    "The service's target refused the request before it looked at it: a repetition is safe.",
    "No action is needed: the connector of the client repeats the request. If it happens often, look for a target that closes its connections early or allows few streams.",
    RETRY,
  ),
  "exchange.failed": entry(
    "peer",
    502,
    "The service's target ended its connection before the response was complete; the target may have processed the request.",
    "Look for the reason in the log of the target. Repeat the request only if a second execution does no harm.",
  ),
  "exchange.timeout": entry(
    "peer",
    504,
    "The service's target did not begin its response in time, or fell silent within it; the target may have processed the request.",
    "Look for the reason in the log of the target. Repeat the request only if a second execution does no harm.",
  ),
  "exchange.bad_response": entry(
    "peer",
    502,
    "The service's target sent something that is not a valid HTTP response.",
    "Check that the target of the service speaks the protocol that --expose names: /http is HTTP/1.1 and /http2 is HTTP/2.",
  ),
  "exchange.malformed": entry(
    "peer",
    502,
    "A message of an exchange breaks the rules of binary HTTP, or of HTTP itself.",
    "Update the older of the two connectors. If the message says that the server is the cause, correct the server.",
  ),
  "exchange.too_large": entry(
    "peer",
    502,
    "The head or the trailers of a message exceed the limits of an exchange.",
    "Send smaller fields: a head may have 32 KiB in 100 fields. If the server is the cause, make its response smaller.",
  ),

  // ---- the site's own machine ----
  "listener.port_taken": entry(
    "site",
    409,
    "Another program holds the address and port of a listener.",
    "Stop that program, or choose another address with --listen or --bind; the connector keeps trying.",
    RETRY,
  ),
  "listener.own_target": entry(
    "site",
    409,
    "The address of a listener is the target of a service that a connector on this machine offers.",
    "Give the listener another address with --bind or --listen NAME=HOST:PORT, or withdraw the offer.",
  ),
  "listener.address": entry(
    "site",
    400,
    "The address of a listener does not belong to this machine.",
    "Choose an address of this machine with --listen or --bind of `fairlead connector run`.",
  ),
  "listener.not_permitted": entry(
    "site",
    403,
    "The system does not permit the connector to listen at the address and port of a listener.",
    "Choose a port from 1024 on with --listen of `fairlead connector run`, or permit the low port: CAP_NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.",
  ),
  "listener.exhausted": entry(
    "site",
    409,
    "The range given to --bind has no free address left.",
    "Give a larger range to --bind of `fairlead connector run`.",
  ),
  "traces.unavailable": entry(
    "site",
    502,
    "The connector cannot export its traces.",
    "Look at OTEL_EXPORTER_OTLP_ENDPOINT and the backend there. Spans that could not be exported are lost; traffic is not affected.",
    RETRY,
  ),
  "metrics.unavailable": entry(
    "site",
    409,
    "The connector cannot listen at its address for metrics and health.",
    "Choose an address of this machine with a free port, with --metrics of `fairlead connector run`. Traffic is not affected, and the connector keeps trying.",
    RETRY,
  ),
  "dns.port_taken": entry(
    "site",
    409,
    "Another program holds an address and port of the connector's DNS server.",
    "Choose an address or port that is free with --dns of `fairlead connector run`, such as 127.0.0.2:53 or 127.0.0.1:5300; systemd-resolved has 127.0.0.53 and 127.0.0.54, and mDNS port 5353. The connector keeps trying.",
    RETRY,
  ),
  "dns.not_permitted": entry(
    "site",
    403,
    "The system does not permit the connector's DNS server to listen at its address and port.",
    "Choose a port from 1024 on with --dns of `fairlead connector run`, or permit the low port: CAP_NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.",
  ),
  "dns.address": entry(
    "site",
    400,
    "The address of the connector's DNS server does not belong to this machine.",
    "Choose an address of this machine with --dns of `fairlead connector run`.",
  ),
  "dns.media_type": entry(
    "caller",
    415,
    "A request for DNS over HTTPS has another body than a DNS message.",
    "Send the message with content-type application/dns-message, or by GET in the parameter dns.",
  ),
  "dns.limited": entry(
    "caller",
    429,
    "Too many queries of DNS over HTTPS came with one key.",
    "Wait as long as the Retry-After header of the response says. Give each client a key of its own, or a resolver that keeps answers.",
    RETRY,
  ),
  "dns.off": entry(
    "site",
    409,
    "The connector of the site answers no DNS.",
    "Start the connector with --dns ADDRESS, or give `fairlead dns config` the options --server and --domain.",
  ),
  "listener.missing": entry(
    "site",
    503,
    "The site has no listener for the service.",
    "No action is needed if it lasts seconds. Otherwise `fairlead service status` at the site says why it opens none.",
    RETRY,
  ),
  "listener.full": entry(
    "site",
    503,
    "The listener has as many clients as it takes at once, and resets further ones.",
    "Close connections that are not used; otherwise use the service from a second site.",
    RETRY,
  ),
  "listener.certificate": entry(
    "site",
    503,
    "The listener has no certificate for TLS, and takes no clients.",
    "Correct the files of --listen-tls NAME=CERT.pem,KEY.pem; they are read again when they change. With --listen-tls NAME=network, the connector asks the edge again by itself.",
    RETRY,
  ),
  "listener.handshake": entry(
    "caller",
    400,
    "The TLS handshake of a client with a listener failed.",
    "Connect with TLS 1.2 or later, and trust the CA of the listener's certificate; `fairlead network ca NAME -o FILE` writes the network's.",
  ),
  "config.rejected": entry(
    "site",
    400,
    "The configuration file cannot be loaded; the connector keeps its running configuration.",
    "Correct the file at the line that the message names; it is read again when it changes.",
  ),
  "config.restart_needed": entry(
    "site",
    409,
    "The configuration file changes fields that a running connector cannot change.",
    "Restart the connector for the new values, or restore the old ones in the file.",
  ),
  "kubernetes.unreachable": entry(
    "site",
    503,
    "The Kubernetes API server does not answer. Services and traffic go on as they are; changes in the cluster wait.",
    "Check that the API server runs and that network policies let the connector reach it; the connector tries again by itself.",
    RETRY,
  ),
  "kubernetes.unauthorized": entry(
    "site",
    401,
    "The Kubernetes API server does not accept the connector's token or certificate.",
    "In a pod, check that the ServiceAccount exists and that its token is mounted. With --kubeconfig, write a file with credentials that are valid.",
    RETRY,
  ),
  "kubernetes.forbidden": entry(
    "site",
    403,
    "The connector's account lacks a right in the cluster.",
    "Give the account the right that the message names, in its Role or ClusterRole; the connector tries again by itself.",
    RETRY,
  ),
  "kubernetes.kubeconfig_invalid": entry(
    "site",
    400,
    "The kubeconfig cannot be used.",
    "Correct what the message names; the connector takes a server with a token or a client certificate.",
  ),
  "kubernetes.not_in_cluster": entry(
    "site",
    400,
    "The connector was started with --kubernetes outside of a pod.",
    "Run it in a pod with a ServiceAccount, or name a cluster with --kubeconfig FILE.",
  ),
  "state.locked": entry(
    "site",
    409,
    "Another process uses the state directory.",
    "Stop that process, or give this one another directory with --state.",
  ),
  "state.unwritable": entry(
    "site",
    500,
    "The state directory cannot be written.",
    "Give the user of this process write access, or choose another --state directory.",
  ),
  "state.full": entry(
    "site",
    507,
    "The disk of the state directory is full.",
    "Free space on that disk and start again; the files there still have their former content.",
  ),
  "state.corrupt": entry(
    "site",
    500,
    "A file in the state directory is damaged.",
    "Restore the file from a backup, or join again with a token and an empty state directory.",
  ),
  "state.foreign": entry(
    "site",
    409,
    "The state directory belongs to another kind of process.",
    "Choose another directory with --state: an edge and each connector have a state directory of their own.",
  ),
  "state.path_too_long": entry(
    "site",
    400,
    "The path of the state directory is too long for its sockets.",
    "Choose a shorter --state directory: its path may have at most 86 bytes.",
  ),
  "connector.unreachable": entry(
    "site",
    503,
    "No connector responds at the state directory.",
    "Start it with `fairlead connector run`, or name its state directory with --state or FAIRLEAD_STATE.",
  ),
  "connector.descriptors": entry(
    "site",
    503,
    "The connector has the most descriptors open that the system allows, and resets new clients.",
    "Raise its limit of open files (`ulimit -n`, LimitNOFILE= in systemd, --ulimit nofile in Docker) and start it again. Each connection uses one descriptor, or two where client and target are at one site.",
    RETRY,
  ),
  "host.no_systemd": entry(
    "site",
    500,
    "The machine does not run systemd.",
    "Print the unit with --dry-run and install it where systemd runs, or run the command under another process manager.",
  ),
  "host.not_root": entry(
    "caller",
    403,
    "Only root may install or remove a service of the machine.",
    "Run the command as root, for example with sudo, or print the unit with --dry-run.",
  ),
  "host.systemd": entry(
    "site",
    500,
    "The systemd of the machine refused the service.",
    "Read the message and the output of `systemctl status` for the unit.",
  ),
  "cli.node": entry(
    "site",
    500,
    "The Node version is too old for the command.",
    "Install Node 24.0 or later; `node --version` shows which one runs.",
  ),
  "output.failed": entry(
    "caller",
    507,
    "The command's output cannot be written.",
    "Free space where the output goes. What the command did stays done, unless the message says otherwise.",
  ),
  "cli.internal": entry(
    "site",
    500,
    "The command failed with an unexpected error.",
    "Run the command again with FAIRLEAD_DEBUG=1, and report its output.",
  ),
  "edge.unreachable": entry(
    "edge",
    503,
    "The edge does not respond.",
    "Check that the edge runs, the URL, and the network and proxy of this machine; `fairlead doctor` checks the path.",
    RETRY,
  ),
  "edge.untrusted": entry(
    "edge",
    495,
    "The edge's certificate is not trusted.",
    "Check the clocks of this machine and of the edge. An operator gives the deployment CA with `fairlead login URL --key-file FILE --ca FILE`; a site uses a token from this edge. A proxy that replaces TLS certificates must exclude the edge.",
  ),
  "edge.wrong_address": entry(
    "edge",
    502,
    "The response names other addresses of the edge than the token file.",
    "Create a new token with `fairlead token create`, which names the edge's present addresses. If the new token is refused as well, a machine on the path poses as the edge.",
  ),
  "edge.not_logged_in": entry(
    "caller",
    401,
    "The command does not know which edge to use.",
    "Run `fairlead login URL --key-file FILE` first; on the edge's own machine, `fairlead edge start` does it. At a site without a login, use the commands that talk to its connector, such as `fairlead service status`.",
  ),
  "edge.port_taken": entry(
    "edge",
    409,
    "Another program holds a port of the edge.",
    "Stop that program, or choose other ports with --api, --gateway and --lanes.",
  ),
  "edge.misconfigured": entry(
    "edge",
    500,
    "A variable or a binding of the edge is missing or wrong.",
    "Check the Worker's log, which names it; correct it in wrangler.toml, or deploy with `fairlead edge deploy`.",
    RETRY,
  ),
  "edge.failed": entry(
    "edge",
    500,
    "The edge's runtime ended or did not start.",
    "Correct what the message and the log lines of workerd name, then start the edge again.",
  ),
  "edge.workerd_missing": entry(
    "edge",
    500,
    "The runtime of the edge, workerd, is not installed. Connectors do not need it.",
    "Install the version that the message names, beside Fairlead: `npm install --global workerd@VERSION`. In a source checkout, run `npm ci`.",
  ),
  "edge.restarting": entry(
    "edge",
    503,
    "The edge's runtime is restarting.",
    "Try again in a moment; if the error persists, check the log of `fairlead edge start`.",
    RETRY,
  ),
  "backup.malformed": entry(
    "caller",
    400,
    "The backup is damaged, incomplete or not a backup.",
    "Use an unaltered file that `fairlead edge backup -o FILE` wrote.",
  ),
  "backup.version": entry(
    "caller",
    409,
    "A newer version of the edge wrote the backup.",
    "Update Fairlead on this machine, and the edge, to the version that wrote the backup; then restore.",
  ),
  "backup.not_empty": entry(
    "caller",
    409,
    "The place to restore the backup to is not empty.",
    "Restore into an empty state directory with `fairlead edge restore FILE --state DIR`, or delete the network first with `fairlead network delete`.",
  ),
  "deploy.missing": entry(
    "caller",
    400,
    "A requirement of the deployment is missing.",
    "Provide what the message names; docs/deploy-cloudflare.md has the list.",
  ),
  "deploy.account": entry(
    "caller",
    403,
    "Cloudflare refused the API token, or it lacks a permission.",
    "Create a token with the permissions in docs/deploy-cloudflare.md and set CLOUDFLARE_API_TOKEN.",
  ),
  "deploy.failed": entry(
    "edge",
    502,
    "A step of the deployment failed.",
    "Correct what the message names and run `fairlead edge deploy` again; it continues where it stopped.",
  ),
  "edge.crowded": entry(
    "edge",
    503,
    "Unauthenticated clients fill the port of the lanes, and lanes use the gateway's port instead, which costs more.",
    "Limit who can reach the ports of the edge, at a firewall for example.",
    RETRY,
  ),
  "edge.internal": entry(
    "edge",
    500,
    "The edge failed to handle the request.",
    "Try again; if the error persists, report it with the log of the edge, which names the request by its id.",
    RETRY,
  ),
  "proxy.failed": entry(
    "site",
    502,
    "The proxy refused or broke the connection to the edge.",
    "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY, and that the proxy allows connections to the host and port of the edge.",
    RETRY,
  ),
} as const satisfies Record<string, ErrorEntry>;

/** A code of the table. */
export type ErrorCode = keyof typeof ERRORS;

/** The schema of a code that this version knows. */
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/** Whether this version knows the code. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

export interface FairleadErrorOptions {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  /** What to do about this cause, where the entry's action does not fit: whole sentences. */
  readonly action?: string | undefined;
}

/**
 * An error with a code of the table. `message` says what happened; the entry says what the code means and
 * what to do. Programs match on `code`, never on the class or the text.
 */
export class FairleadError extends Error {
  override readonly name = "FairleadError";
  readonly code: ErrorCode;
  /** How long to wait before a retry, ms; undefined while it is not known. */
  readonly retryAfterMs: number | undefined;
  /** What to do, in one or two sentences. */
  readonly action: string;

  /** @param message the entry's meaning unless given */
  constructor(code: ErrorCode, message?: string, options?: FairleadErrorOptions) {
    super(message ?? ERRORS[code].meaning, options);
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
    this.action = options?.action ?? ERRORS[code].action;
  }

  /** The entry of the code. */
  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}

/** An error in JSON: in API responses, uplink messages, RESET and GOAWAY frames, and `--json` output. */
export const ErrorBody = z.object({
  code: z.string(),
  message: z.string(),
  action: z.string().optional(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** The JSON form of an error. */
export function toErrorBody(error: FairleadError): ErrorBody {
  return { code: error.code, message: error.message, action: error.action };
}

/** The error of a JSON form. A code of a newer version becomes `fallback`, and the message keeps the code. */
export function fromErrorBody(
  body: ErrorBody,
  fallback: ErrorCode,
  options: { retryAfterMs?: number } = {},
): FairleadError {
  const action = body.action === undefined ? undefined : visible(body.action);
  return isErrorCode(body.code)
    ? new FairleadError(body.code, visible(body.message), { ...options, action })
    : new FairleadError(fallback, visible(`${body.code}: ${body.message}`), { ...options, action });
}

/**
 * What was thrown, as a FairleadError. Any other error becomes `fallback` with the same text, and is its
 * cause.
 */
export function asFairleadError(thrown: unknown, fallback: ErrorCode): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new FairleadError(fallback, text, { cause: thrown });
}
