/** What a real API server does and the tests' one does not. Nothing here may matter to what a suite asserts. */

export const GAPS: readonly string[] = [
  "HTTP/2, and answers in protobuf and CBOR: a client that accepts those alone gets 406. Bodies in protobuf are read for the types that kubectl and helm write through typed clients.",
  "Resources beyond those of a connector and its installation: jobs, autoscalers, storage, admission configuration, API services.",
  "Controllers for workloads: nobody makes the pods of a Deployment, and no kubelet runs them. A test writes pods and status.",
  "Terminating pods end when they are deleted again with a grace period of 0, as a kubelet does; no kubelet does it here.",
  "Services have addresses of IPv4 alone; node ports and load balancers are stored and not allocated.",
  "Validation of pods covers names, images, ports and mounts; of network policies, ingresses and nodes, types alone.",
  "Pod Security admission, quotas, limit ranges, priority and fairness (429), webhooks, admission policies.",
  "Aggregated ClusterRoles; the roles admin, edit and view have the resources of this server alone.",
  "Rules in CEL of CustomResourceDefinitions, conversion by webhooks, and selectable fields of custom resources.",
  "Duplicate fields in a body: JSON is read as JavaScript reads it.",
  "Kubernetes Events never expire.",
  "The watch cache and etcd are one store: a list at an old resource version is answered as long as the log of changes reaches back.",
  "The texts of Go's decoder for wrong types name the field, not always the struct.",
  "Exec, attach, port-forward, logs, proxy, eviction and ephemeral containers.",
  "Client certificates, OpenID Connect, and audiences other than the server's own.",
];
