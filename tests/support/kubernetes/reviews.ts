/** Resources that answer a question: whether a user may do something, who a token stands for. */
import type { Authenticator, User } from "./authentication.ts";
import type { Authorizer } from "./authorization.ts";
import { type JsonObject, objectIn, textIn, textsIn } from "./json.ts";

/** Answers a review. Undefined for a resource that is none. */
export async function answerReview(
  resource: string,
  body: JsonObject,
  user: User,
  { authorizer, authenticator }: { authorizer: Authorizer; authenticator: Authenticator },
): Promise<JsonObject | undefined> {
  const spec = objectIn(body.spec);
  switch (resource) {
    case "selfsubjectaccessreviews.authorization.k8s.io":
      return { ...body, status: accessStatus(authorizer, user, spec) };
    case "subjectaccessreviews.authorization.k8s.io": {
      const named = { name: textIn(spec.user), uid: textIn(spec.uid), groups: textsIn(spec.groups) };
      return { ...body, status: accessStatus(authorizer, named, spec) };
    }
    case "selfsubjectrulesreviews.authorization.k8s.io": {
      const resourceRules = authorizer.rulesFor(user, textIn(spec.namespace));
      return { ...body, status: { resourceRules, nonResourceRules: [], incomplete: false } };
    }
    case "tokenreviews.authentication.k8s.io": {
      const found = await authenticator.userOf(textIn(spec.token));
      const status =
        found === undefined
          ? { user: {}, error: "invalid bearer token" }
          : { authenticated: true, user: userInfo(found) };
      return { ...body, status };
    }
    case "selfsubjectreviews.authentication.k8s.io":
      return { ...body, status: { userInfo: userInfo(user) } };
    default:
      return undefined;
  }
}

const userInfo = ({ name, uid, groups }: User): JsonObject => ({
  username: name,
  ...(uid === "" ? {} : { uid }),
  groups: [...groups],
});

function accessStatus(authorizer: Authorizer, user: User, spec: JsonObject): JsonObject {
  const { verb, group, resource, subresource, namespace, name } = objectIn(spec.resourceAttributes);
  const { path, verb: pathVerb } = objectIn(spec.nonResourceAttributes);
  const sub = textIn(subresource);
  const allowed = authorizer.allows(user, {
    verb: textIn(verb) === "" ? textIn(pathVerb) : textIn(verb),
    group: textIn(group),
    resource: sub === "" ? textIn(resource) : `${textIn(resource)}/${sub}`,
    namespace: textIn(namespace),
    name: textIn(name),
    ...(path === undefined ? {} : { path: textIn(path) }),
  });
  return allowed ? { allowed } : { allowed, reason: "" };
}
